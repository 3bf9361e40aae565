"""The bureau's monthly report: counted once from frozen months, kept, and written as Excel, Word and PDF."""
