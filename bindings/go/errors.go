package ullage

/*
#include <ullage/c.h>
*/
import "C"

import "errors"

// Error is why a call was refused. Each leaves the cache as it was. Compare with errors.Is and the
// Err... values; Message names values and bounds.
type Error struct {
	Code    string // as in "name_too_long"
	Message string
}

func (e *Error) Error() string { return "ullage: " + e.Code + ": " + e.Message }

// Is says whether the target has the same code.
func (e *Error) Is(target error) bool {
	var other *Error
	return errors.As(target, &other) && other.Code == e.Code
}

// What errors.Is compares with.
var (
	ErrClosed          = &Error{Code: "closed", Message: "the cache is closed"}
	ErrInvalidArgument = &Error{Code: "invalid_argument"}
	ErrLimitTooSmall   = &Error{Code: "limit_too_small"}
	ErrLimitTooLarge   = &Error{Code: "limit_too_large"}
	ErrNameTooLong     = &Error{Code: "name_too_long"}
	ErrValueTooLong    = &Error{Code: "value_too_long"}
	ErrTTLOutOfRange   = &Error{Code: "ttl_out_of_range"}
	ErrBatchTooLarge   = &Error{Code: "batch_too_large"}
	ErrGroupTooLarge   = &Error{Code: "group_too_large"}
	ErrNoRoom          = &Error{Code: "no_room"}
	ErrMissing         = &Error{Code: "missing"} // what the call needs does not exist
	ErrExists          = &Error{Code: "exists"}
	ErrNotANumber      = &Error{Code: "not_a_number"}
	ErrOutOfRange      = &Error{Code: "out_of_range"}
	ErrBusy            = &Error{Code: "busy"}
	ErrLoadFailed      = &Error{Code: "load_failed"}
	ErrBadEncoding     = &Error{Code: "bad_encoding"} // the bytes are none of the type
	ErrBadJSON         = &Error{Code: "bad_json"}
	ErrBadPointer      = &Error{Code: "bad_pointer"}
	ErrBadPatch        = &Error{Code: "bad_patch"}
	ErrPatchFailed     = &Error{Code: "patch_failed"}
	ErrTooDeep         = &Error{Code: "too_deep"}
	ErrTooManyLeaves   = &Error{Code: "too_many_leaves"}
	ErrPathTooLong     = &Error{Code: "path_too_long"}
	ErrWrongType       = &Error{Code: "wrong_type"}
	ErrWrongKind       = &Error{Code: "wrong_kind"}
)

func errorOf(status C.ul_status, from *C.ul_error) error {
	if status >= 0 {
		return nil
	}
	if status == C.UL_CLOSED {
		return ErrClosed
	}
	return &Error{Code: C.GoString(C.ul_status_name(status)), Message: C.GoString(&from.message[0])}
}
