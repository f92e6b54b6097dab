import model  # noqa: F401  before any test imports torch: it sets how OpenMP waits
