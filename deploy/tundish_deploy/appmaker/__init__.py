"""What a developer of apps works with: a template that works at once, a window from a file, words for screens."""
