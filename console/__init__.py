"""The console shows and asks: the terminal's commands and, later, the browser's pages."""
