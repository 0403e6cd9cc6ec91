package main

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"strconv"
	"sync"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/mem"
	"google.golang.org/grpc/status"
)

const (
	service       = "/evenkeel.lab.Echo/"
	patternBlocks = 2047 // so that a pattern's length fits no frame, page or buffer
	seeds         = 16
)

// rawCodec leaves messages as they are: a message is a *[]byte.
type rawCodec struct{}

// Name is empty, so that the content type is application/grpc: grpc-swift refuses subtypes that it does not know.
func (rawCodec) Name() string { return "" }

func (rawCodec) Marshal(v any) (mem.BufferSlice, error) {
	return mem.BufferSlice{mem.SliceBuffer(*v.(*[]byte))}, nil
}

func (rawCodec) Unmarshal(data mem.BufferSlice, v any) error {
	*v.(*[]byte) = data.Materialize()
	return nil
}

type bodyRequest struct {
	Bytes int    `json:"bytes"`
	Seed  uint64 `json:"seed"`
}

type ticksRequest struct {
	Milliseconds int `json:"milliseconds"`
	Count        int `json:"count"`
}

var patterns sync.Map // seed → its pattern

// body returns the first size bytes of the seed's pattern repeated for ever.
func body(seed uint64, size int) []byte {
	found, ok := patterns.Load(seed)
	if !ok {
		found, _ = patterns.LoadOrStore(seed, pattern(seed))
	}
	result := make([]byte, size)
	for start := 0; start < size; {
		start += copy(result[start:], found.([]byte))
	}
	return result
}

// pattern returns SHA-256(seed ‖ 0) ‖ … ‖ SHA-256(seed ‖ 2046), all numbers as 8 bytes, big-endian: 65,504 bytes.
func pattern(seed uint64) []byte {
	input := make([]byte, 16)
	binary.BigEndian.PutUint64(input, seed)
	result := make([]byte, 0, patternBlocks*sha256.Size)
	for counter := range uint64(patternBlocks) {
		binary.BigEndian.PutUint64(input[8:], counter)
		block := sha256.Sum256(input)
		result = append(result, block[:]...)
	}
	return result
}

// answer is what a unary method of the service returns.
func answer(method string, request []byte, name string) ([]byte, error) {
	switch method {
	case "Echo":
		return request, nil
	case "Name":
		return []byte(name), nil
	case "Body":
		var wanted bodyRequest
		if err := json.Unmarshal(request, &wanted); err != nil {
			return nil, status.Error(codes.InvalidArgument, err.Error())
		}
		return body(wanted.Seed, wanted.Bytes), nil
	}
	return nil, status.Error(codes.Unimplemented, method)
}

func tick(number int) []byte { return []byte(strconv.Itoa(number)) }
