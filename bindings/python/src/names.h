// What Python passes for names and values, as bytes.
#pragma once

#include <string_view>

#include <nanobind/nanobind.h>

namespace ullage_python {

namespace nb = nanobind;

/// Bytes of a str (in UTF-8; what os.fsdecode() made comes back as it was), of bytes, or of any
/// object with a contiguous buffer, which is not copied. Holds on to what they lie in.
class Bytes {
 public:
  explicit Bytes(nb::handle object) {
    PyObject* const o = object.ptr();
    if (PyUnicode_Check(o)) {
      Py_ssize_t size = 0;
      if (const char* const text = PyUnicode_AsUTF8AndSize(o, &size)) {
        view_ = {text, static_cast<std::size_t>(size)};
        return;
      }
      PyErr_Clear();  // lone surrogates: bytes that were no UTF-8
      encoded_ = nb::steal(PyUnicode_AsEncodedString(o, "utf-8", "surrogateescape"));
      if (!encoded_.is_valid()) throw nb::python_error();
      view_ = {PyBytes_AS_STRING(encoded_.ptr()),
               static_cast<std::size_t>(PyBytes_GET_SIZE(encoded_.ptr()))};
    } else if (PyBytes_Check(o)) {
      view_ = {PyBytes_AS_STRING(o), static_cast<std::size_t>(PyBytes_GET_SIZE(o))};
    } else {
      if (PyObject_GetBuffer(o, &buffer_, PyBUF_SIMPLE) != 0) throw nb::python_error();
      has_buffer_ = true;
      view_ = {static_cast<const char*>(buffer_.buf), static_cast<std::size_t>(buffer_.len)};
    }
  }
  Bytes(const Bytes&) = delete;
  Bytes& operator=(const Bytes&) = delete;
  ~Bytes() {
    if (has_buffer_) PyBuffer_Release(&buffer_);
  }

  operator std::string_view() const noexcept { return view_; }
  [[nodiscard]] std::string_view view() const noexcept { return view_; }

 private:
  std::string_view view_;
  nb::object encoded_;
  Py_buffer buffer_{};
  bool has_buffer_ = false;
};

inline nb::object bytes_object(std::string_view bytes) {
  return nb::steal(PyBytes_FromStringAndSize(bytes.data(), static_cast<Py_ssize_t>(bytes.size())));
}
/// A name: text, whatever its bytes are.
inline nb::object text_object(std::string_view bytes) {
  return nb::steal(
      PyUnicode_DecodeUTF8(bytes.data(), static_cast<Py_ssize_t>(bytes.size()), "surrogateescape"));
}

}  // namespace ullage_python
