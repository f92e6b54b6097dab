"""Who may come in: host names, origins, the password, and what the page's events may carry."""
