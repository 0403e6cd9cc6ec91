package main

import (
	"encoding/json"
	"fmt"
	"sync"

	"google.golang.org/grpc/metadata"
)

// report counts, and is printed as one JSON object a line.
type report struct {
	mutex       sync.Mutex
	ok, failed  int
	errors      map[string]int
	byServer    map[string]int
	connections map[any]map[string]bool // channel → the servers and peers seen
}

func newReport() *report {
	return &report{errors: map[string]int{}, byServer: map[string]int{}, connections: map[any]map[string]bool{}}
}

// succeeded counts a call. Our servers say in its trailers who they are and from where they saw it come.
func (r *report) succeeded(trailers metadata.MD, channel any) {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	r.ok++
	server, peer := trailers.Get("x-server"), trailers.Get("x-peer")
	if len(server) == 0 || len(peer) == 0 {
		return
	}
	r.byServer[server[0]]++
	if r.connections[channel] == nil {
		r.connections[channel] = map[string]bool{}
	}
	r.connections[channel][server[0]+" "+peer[0]] = true
}

func (r *report) fail(text string) {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	r.failed++
	r.errors[text]++
}

func (r *report) show(event string) {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	connections := 0
	for _, seen := range r.connections {
		connections += len(seen)
	}
	line, err := json.Marshal(map[string]any{
		"event": event, "ok": r.ok, "failed": r.failed, "errors": r.errors, "connections": connections,
		"reconnects": connections - len(r.connections), "by_server": r.byServer,
	})
	if err != nil {
		panic(err) // counts and strings always have a JSON form
	}
	fmt.Println(string(line))
}
