package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"net"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/peer"
)

type server struct {
	name   string
	report *report
}

func runServer(arguments []string) error {
	flags := flag.NewFlagSet("server", flag.ExitOnError)
	listen := flags.String("listen", "", "`HOST:PORT`")
	name := flags.String("name", "server", "what Name returns, and the trailer x-server")
	flags.Parse(arguments)

	listener, err := net.Listen("tcp", *listen)
	if err != nil {
		return err
	}
	echo := &server{*name, newReport()}
	grpcServer := grpc.NewServer(grpc.ForceServerCodecV2(rawCodec{}), grpc.MaxRecvMsgSize(largestMessage),
		grpc.UnknownServiceHandler(echo.serve))

	stop := make(chan os.Signal, 1)
	signal.Notify(stop, syscall.SIGTERM, syscall.SIGINT)
	go func() {
		<-stop
		grpcServer.GracefulStop()
	}()
	fmt.Println("ready", listener.Addr().(*net.TCPAddr).Port)
	if err := grpcServer.Serve(listener); err != nil {
		return err
	}
	echo.report.show("done")
	return nil
}

func (s *server) serve(_ any, stream grpc.ServerStream) error {
	path, _ := grpc.MethodFromServerStream(stream)
	method := strings.TrimPrefix(path, service)
	client, _ := peer.FromContext(stream.Context())
	trailers := metadata.Pairs("x-server", s.name, "x-peer", client.Addr.String())
	stream.SetTrailer(trailers)

	var request []byte
	if err := stream.RecvMsg(&request); err != nil {
		return err
	}
	if err := s.respond(method, request, stream); err != nil {
		return err
	}
	s.report.succeeded(trailers, client.Addr.String())
	return nil
}

func (s *server) respond(method string, request []byte, stream grpc.ServerStream) error {
	if method != "Ticks" {
		response, err := answer(method, request, s.name)
		if err != nil {
			return err
		}
		return stream.SendMsg(&response)
	}
	var wanted ticksRequest
	if err := json.Unmarshal(request, &wanted); err != nil {
		return err
	}
	for number := range wanted.Count {
		message := tick(number)
		if err := stream.SendMsg(&message); err != nil {
			return err
		}
		time.Sleep(time.Duration(wanted.Milliseconds) * time.Millisecond)
	}
	return nil
}
