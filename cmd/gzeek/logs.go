package main

// logCommands are the tools for logs.
func logCommands() []command { return nil }
