package ullage

import (
	"encoding"
	"encoding/binary"
	"fmt"
	"math"
	"unsafe"
)

// Codec says what a type becomes as bytes. Implementations must be safe for concurrent use.
type Codec[T any] interface {
	// Append appends the bytes of a value.
	Append(to []byte, value T) ([]byte, error)
	// Decode reads all of the bytes, which are borrowed: it must copy what it keeps.
	Decode(bytes []byte) (T, error)
}

// CodecOf is how a type is kept by default: strings and []byte as their bytes, numbers and bools
// little-endian in their size (int and uint in 8 bytes), types that marshal themselves
// (encoding.BinaryMarshaler and its counterpart, then encoding.TextMarshaler) as they do. There is
// none for others: give one to NewWithCodecs.
func CodecOf[T any]() (Codec[T], error) {
	var zero T
	var codec any
	switch any(zero).(type) {
	case string:
		codec = stringCodec{}
	case []byte:
		codec = bytesCodec{}
	case int64:
		codec = numberCodec[int64]{}
	case int:
		codec = numberCodec[int]{}
	case int32:
		codec = numberCodec[int32]{}
	case int16:
		codec = numberCodec[int16]{}
	case int8:
		codec = numberCodec[int8]{}
	case uint64:
		codec = numberCodec[uint64]{}
	case uint:
		codec = numberCodec[uint]{}
	case uint32:
		codec = numberCodec[uint32]{}
	case uint16:
		codec = numberCodec[uint16]{}
	case uint8:
		codec = numberCodec[uint8]{}
	case bool:
		codec = boolCodec{}
	case float64:
		codec = float64Codec{}
	default:
		return marshalerOf[T]()
	}
	return codec.(Codec[T]), nil
}

func marshalerOf[T any]() (Codec[T], error) {
	var zero T
	_, marshals := any(zero).(encoding.BinaryMarshaler)
	_, unmarshals := any(&zero).(encoding.BinaryUnmarshaler)
	if marshals && unmarshals {
		return binaryCodec[T]{}, nil
	}
	_, marshals = any(zero).(encoding.TextMarshaler)
	_, unmarshals = any(&zero).(encoding.TextUnmarshaler)
	if marshals && unmarshals {
		return textCodec[T]{}, nil
	}
	return nil, &Error{Code: ErrInvalidArgument.Code,
		Message: fmt.Sprintf("no codec for %T: give one to NewWithCodecs", zero)}
}

func badEncoding(what string, size int) error {
	return &Error{Code: ErrBadEncoding.Code, Message: fmt.Sprintf("%d bytes are no %s", size, what)}
}

type stringCodec struct{}

func (stringCodec) Append(to []byte, value string) ([]byte, error) { return append(to, value...), nil }
func (stringCodec) Decode(bytes []byte) (string, error)            { return string(bytes), nil }

type bytesCodec struct{}

func (bytesCodec) Append(to []byte, value []byte) ([]byte, error) { return append(to, value...), nil }
func (bytesCodec) Decode(bytes []byte) ([]byte, error) {
	return append(make([]byte, 0, len(bytes)), bytes...), nil
}

type integer interface {
	~int | ~int8 | ~int16 | ~int32 | ~int64 | ~uint | ~uint8 | ~uint16 | ~uint32 | ~uint64
}
type numberCodec[T integer] struct{}

func (numberCodec[T]) size() int { return int(unsafe.Sizeof(T(0))) }

func (c numberCodec[T]) Append(to []byte, value T) ([]byte, error) {
	number := uint64(value)
	for i := 0; i < c.size(); i++ {
		to = append(to, byte(number>>(8*i)))
	}
	return to, nil
}
func (c numberCodec[T]) Decode(bytes []byte) (T, error) {
	if len(bytes) != c.size() {
		return 0, badEncoding("number", len(bytes))
	}
	var number uint64
	for i, b := range bytes {
		number |= uint64(b) << (8 * i)
	}
	return T(number), nil
}

type boolCodec struct{}

func (boolCodec) Append(to []byte, value bool) ([]byte, error) {
	if value {
		return append(to, 1), nil
	}
	return append(to, 0), nil
}
func (boolCodec) Decode(bytes []byte) (bool, error) {
	if len(bytes) != 1 || bytes[0] > 1 {
		return false, badEncoding("bool", len(bytes))
	}
	return bytes[0] == 1, nil
}

type float64Codec struct{}

func (float64Codec) Append(to []byte, value float64) ([]byte, error) {
	return binary.LittleEndian.AppendUint64(to, math.Float64bits(value)), nil
}
func (float64Codec) Decode(bytes []byte) (float64, error) {
	if len(bytes) != 8 {
		return 0, badEncoding("float64", len(bytes))
	}
	return math.Float64frombits(binary.LittleEndian.Uint64(bytes)), nil
}

type binaryCodec[T any] struct{}

func (binaryCodec[T]) Append(to []byte, value T) ([]byte, error) {
	bytes, err := any(value).(encoding.BinaryMarshaler).MarshalBinary()
	return append(to, bytes...), err
}
func (binaryCodec[T]) Decode(bytes []byte) (value T, err error) {
	err = any(&value).(encoding.BinaryUnmarshaler).UnmarshalBinary(bytes)
	return value, err
}

type textCodec[T any] struct{}

func (textCodec[T]) Append(to []byte, value T) ([]byte, error) {
	bytes, err := any(value).(encoding.TextMarshaler).MarshalText()
	return append(to, bytes...), err
}
func (textCodec[T]) Decode(bytes []byte) (value T, err error) {
	err = any(&value).(encoding.TextUnmarshaler).UnmarshalText(bytes)
	return value, err
}
