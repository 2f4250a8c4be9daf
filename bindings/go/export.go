package ullage

/*
#include <ullage/c.h>
*/
import "C"

import (
	"runtime/cgo"
	"unsafe"
)

func goString(bytes C.ul_bytes) string {
	return string(unsafe.Slice((*byte)(unsafe.Pointer(bytes.data)), int(bytes.size)))
}

//export ullageGoRemoval
func ullageGoRemoval(user C.uintptr_t, removal *C.ul_removal) {
	heard := Removal{Group: goString(removal.group), Field: goString(removal.field),
		ValueBytes: uint64(removal.value_bytes), Cause: Cause(removal.cause),
		LostBefore: uint64(removal.lost_before)}
	if removal.value.size != 0 {
		heard.Value = []byte(goString(removal.value))
	}
	cgo.Handle(user).Value().(func(Removal))(heard)
}

//export ullageGoLoad
func ullageGoLoad(user C.uintptr_t, loaded *C.ul_loaded) {
	bytes, options, err := cgo.Handle(user).Value().(rawLoader)()
	switch {
	case err != nil:
		C.ul_loaded_failure(loaded, bytesOf([]byte(err.Error())))
	case bytes != nil:
		C.ul_loaded_value(loaded, bytesOf(*bytes), milliseconds(options))
	}
}
