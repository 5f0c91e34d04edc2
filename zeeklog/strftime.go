package zeeklog

import (
	"fmt"
	"strings"
	"time"
)

// strftimeDirect are the conversions that Go's layouts cover.
var strftimeDirect = map[byte]string{
	'a': "Mon", 'A': "Monday", 'b': "Jan", 'B': "January", 'h': "Jan",
	'c': "Mon Jan _2 15:04:05 2006", 'd': "02", 'D': "01/02/06", 'e': "_2",
	'F': "2006-01-02", 'H': "15", 'I': "03", 'j': "002", 'm': "01", 'M': "04",
	'p': "PM", 'P': "pm", 'r': "03:04:05 PM", 'R': "15:04", 'S': "05", 'T': "15:04:05",
	'x': "01/02/06", 'X': "15:04:05", 'y': "06", 'Y': "2006", 'z': "-0700", 'Z': "MST",
}

// Strftime renders a time by a format of C's strftime in the C locale.
// Unknown conversions stay as they are, as in the C library.
func Strftime(format string, t time.Time) string {
	var b strings.Builder
	for i := 0; i < len(format); i++ {
		c := format[i]
		if c != '%' || i+1 == len(format) {
			b.WriteByte(c)
			continue
		}
		i++
		c = format[i]
		if layout, ok := strftimeDirect[c]; ok {
			b.WriteString(t.Format(layout))
			continue
		}
		year, week := t.ISOWeek()
		switch c {
		case '%':
			b.WriteByte('%')
		case 'n':
			b.WriteByte('\n')
		case 't':
			b.WriteByte('\t')
		case 'C':
			fmt.Fprintf(&b, "%02d", t.Year()/100)
		case 'g':
			fmt.Fprintf(&b, "%02d", year%100)
		case 'G':
			fmt.Fprintf(&b, "%d", year)
		case 'V':
			fmt.Fprintf(&b, "%02d", week)
		case 'k':
			fmt.Fprintf(&b, "%2d", t.Hour())
		case 'l':
			fmt.Fprintf(&b, "%2d", (t.Hour()+11)%12+1)
		case 's':
			fmt.Fprintf(&b, "%d", t.Unix())
		case 'u':
			fmt.Fprintf(&b, "%d", (int(t.Weekday())+6)%7+1)
		case 'w':
			fmt.Fprintf(&b, "%d", int(t.Weekday()))
		case 'U':
			fmt.Fprintf(&b, "%02d", (t.YearDay()+6-int(t.Weekday()))/7)
		case 'W':
			fmt.Fprintf(&b, "%02d", (t.YearDay()+6-(int(t.Weekday())+6)%7)/7)
		default:
			b.WriteByte('%')
			b.WriteByte(c)
		}
	}
	return b.String()
}
