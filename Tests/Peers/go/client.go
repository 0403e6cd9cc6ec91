package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	mathrand "math/rand/v2"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
)

const (
	bodySizes = "1,100,1000,16379,16384,65535,65536,300000,1000000,4194304"
	slack     = 30 * time.Second // that a call may take beyond what it asks for
)

type client struct {
	sizes         []int
	pause         time.Duration
	ticks         ticksRequest
	streamSeconds time.Duration
	end           time.Time
	stopped       atomic.Bool
	report        *report
}

func runClient(arguments []string) error {
	flags := flag.NewFlagSet("client", flag.ExitOnError)
	target := flags.String("target", "", "`HOST:PORT`")
	seconds := flags.Float64("seconds", 10, "no new call after this time")
	channels := flags.Int("channels", 1, "each has a TCP connection of its own")
	concurrency := flags.Int("concurrency", 2, "unary calls at once on each channel")
	sizes := flags.String("bodies", bodySizes, "sizes to ask for, in turn")
	pause := flags.Float64("pause-milliseconds", 0, "between two calls of one of those")
	streams := flags.Int("streams", 1, "long server streams at once on each channel")
	streamSeconds := flags.Float64("stream-seconds", 15, "")
	every := flags.Int("tick-milliseconds", 100, "between two messages of a long stream")
	flags.Parse(arguments)

	c := &client{pause: duration(*pause / 1000), streamSeconds: duration(*streamSeconds), report: newReport()}
	c.ticks = ticksRequest{*every, int(*streamSeconds * 1000 / float64(*every))}
	c.end = time.Now().Add(duration(*seconds))
	for _, text := range strings.Split(*sizes, ",") {
		size, err := strconv.Atoi(text)
		if err != nil {
			return err
		}
		c.sizes = append(c.sizes, size)
	}
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, syscall.SIGTERM, syscall.SIGINT)
	go func() {
		<-stop
		c.stopped.Store(true)
	}()
	go func() {
		for range time.Tick(time.Second) {
			c.report.show("progress")
		}
	}()

	var work sync.WaitGroup
	for range *channels {
		channel, err := grpc.NewClient(*target, grpc.WithTransportCredentials(insecure.NewCredentials()),
			grpc.WithNoProxy(),
			grpc.WithDefaultCallOptions(grpc.ForceCodecV2(rawCodec{}), grpc.MaxCallRecvMsgSize(largestMessage)))
		if err != nil {
			return err
		}
		defer channel.Close()
		for worker := range *concurrency {
			work.Go(func() { c.unaryCalls(channel, worker) })
		}
		for range *streams {
			work.Go(func() { c.longStreams(channel) })
		}
	}
	work.Wait()
	c.report.show("done")
	if c.report.failed > 0 {
		return errors.New("calls have failed")
	}
	return nil
}

func duration(seconds float64) time.Duration { return time.Duration(seconds * float64(time.Second)) }

func (c *client) timeLeft() time.Duration {
	if c.stopped.Load() {
		return 0
	}
	return time.Until(c.end)
}

func (c *client) unaryCalls(channel *grpc.ClientConn, worker int) {
	for turn := worker; c.timeLeft() > 0; turn++ { // workers start at different sizes
		payload := make([]byte, 1+mathrand.IntN(3000))
		rand.Read(payload)
		c.call(channel, "Echo", payload, payload)
		wanted := bodyRequest{c.sizes[turn%len(c.sizes)], mathrand.Uint64N(seeds)}
		request, _ := json.Marshal(wanted)
		c.call(channel, "Body", request, body(wanted.Seed, wanted.Bytes))
		time.Sleep(c.pause)
	}
}

func (c *client) call(channel *grpc.ClientConn, method string, request, expected []byte) {
	ctx, cancel := context.WithTimeout(context.Background(), slack)
	defer cancel()
	var response []byte
	var trailers metadata.MD
	err := channel.Invoke(ctx, service+method, &request, &response, grpc.Trailer(&trailers))
	if err == nil && !bytes.Equal(response, expected) {
		err = fmt.Errorf("wrong answer, %d bytes instead of %d", len(response), len(expected))
	}
	c.count(channel, method, trailers, err)
}

func (c *client) count(channel *grpc.ClientConn, method string, trailers metadata.MD, err error) {
	if err == nil {
		c.report.succeeded(trailers, channel)
		return
	}
	c.report.fail(fmt.Sprintf("%s: %s: %s", method, status.Code(err), err))
}

// longStreams makes the first at once; another only if it can end in time.
func (c *client) longStreams(channel *grpc.ClientConn) {
	for {
		trailers, err := c.longStream(channel)
		c.count(channel, "Ticks", trailers, err)
		if c.timeLeft() < c.streamSeconds {
			return
		}
	}
}

func (c *client) longStream(channel *grpc.ClientConn) (metadata.MD, error) {
	ctx, cancel := context.WithTimeout(context.Background(), c.streamSeconds+slack)
	defer cancel()
	request, err := json.Marshal(c.ticks)
	if err != nil {
		return nil, err
	}
	stream, err := channel.NewStream(ctx, &grpc.StreamDesc{ServerStreams: true}, service+"Ticks")
	if err != nil {
		return nil, err
	}
	if err := stream.SendMsg(&request); err != nil {
		return nil, err
	}
	if err := stream.CloseSend(); err != nil {
		return nil, err
	}
	for number := 0; ; number++ {
		var message []byte
		err := stream.RecvMsg(&message)
		switch {
		case err == io.EOF && number == c.ticks.Count:
			return stream.Trailer(), nil
		case err == io.EOF:
			return nil, fmt.Errorf("%d messages instead of %d", number, c.ticks.Count)
		case err != nil:
			return nil, err
		case !bytes.Equal(message, tick(number)):
			return nil, fmt.Errorf("message %d is %q", number, message)
		}
	}
}
