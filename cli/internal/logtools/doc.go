// Package logtools holds gzeek's commands that read logs: cut, diff, convert,
// cat, top. Each is a function of the command's arguments and streams that
// returns the exit status, so that the command line and tests call it alike.
//
// What the commands know of logs is in package zeeklog; nothing here analyzes
// traffic.
package logtools
