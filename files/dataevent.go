package files

import "github.com/gzeek/gzeek/event"

// DataEventArgs are the arguments of DATA_EVENT: events of the policy's own,
// which it declares on the run's queue. At least one is set.
type DataEventArgs struct {
	ChunkEvent  *event.Topic[ChunkData]
	StreamEvent *event.Topic[StreamData]
}

// ChunkData is a piece of a file with its place (chunk_event).
type ChunkData struct {
	File   *event.File
	Data   []byte // borrowed
	Offset uint64
}

// StreamData is the next piece of a file (stream_event).
type StreamData struct {
	File *event.File
	Data []byte // borrowed
}

// dataEvent is DATA_EVENT (analyzer/data_event/DataEvent.cc). Its events wait in
// the queue like others, and the record's counters aren't brought up to date.
type dataEvent struct {
	passive
	args DataEventArgs
}

func (d dataEvent) deliverChunk(f *file, data []byte, offset uint64) bool {
	if t := d.args.ChunkEvent; t != nil && t.Wanted() {
		t.Enqueue(ChunkData{File: &f.rec.File, Data: f.m.events.Bytes(data), Offset: offset})
	}
	return true
}

func (d dataEvent) deliverStream(f *file, data []byte) bool {
	if t := d.args.StreamEvent; t != nil && t.Wanted() {
		t.Enqueue(StreamData{File: &f.rec.File, Data: f.m.events.Bytes(data)})
	}
	return true
}
