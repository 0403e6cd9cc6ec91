// The grpc-go peers: a server and a client of the echo service, without protobuf. See ../README.md.
package main

import (
	"fmt"
	"os"
)

// Messages are not limited to gRPC's 4 MiB: the stalled client asks for more.
const largestMessage = 64 << 20

func main() {
	roles := map[string]func([]string) error{"server": runServer, "client": runClient}
	if len(os.Args) < 2 || roles[os.Args[1]] == nil {
		fmt.Fprintln(os.Stderr, "usage: grpc-go server|client [FLAGS]")
		os.Exit(64)
	}
	if err := roles[os.Args[1]](os.Args[2:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
