"""What is kept, and how: SQLite, the library of videos, jobs, chats, accounts, repair."""
