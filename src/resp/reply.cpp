#include "resp/reply.h"

#include "base/small_copy.h"

#include <cmath>
#include <string>

namespace ullage::resp {

void Reply::error(std::string_view text) {
  out_.append('-');
  for (const char c : text)
    out_.append(c == '\r' || c == '\n' ? ' ' : c);
  out_.append("\r\n");
}

void Reply::real(double value) {
  const RealText text(value);
  if (is_resp3()) {
    line(',', text.view());
  } else {
    bulk(text.view());
  }
}

void Reply::verbatim(std::string_view form, std::string_view text) {
  if (!is_resp3()) {
    bulk(text);
    return;
  }
  head('=', form.size() + 1 + text.size());
  out_.append(form);
  out_.append(':');
  out_.append(text);
  out_.append("\r\n");
}

void Reply::head_at(std::size_t place, char type, std::size_t count) {
  if (out_.failed()) return;
  const IntegerText text(static_cast<std::int64_t>(count));
  char head[1 + k_integer_chars_max + 2];
  std::size_t bytes = 0;
  head[bytes++] = type;
  bytes += text.view().copy(head + bytes, k_integer_chars_max);
  head[bytes++] = '\r';
  head[bytes++] = '\n';
  out_.insert(place, {head, bytes});
}

void Reply::bulk(std::string_view bytes) {
  if (!out_.reserve(1 + k_integer_chars_max + 2 + bytes.size() + 2)) return;
  char* const to = out_.end();
  char* at = put_number(to, '$', static_cast<std::int64_t>(bytes.size()));
  base::copy_small(at, bytes.data(), bytes.size());
  at += bytes.size();
  *at++ = '\r';
  *at++ = '\n';
  out_.commit(static_cast<std::size_t>(at - to));
}

void Reply::bulk_at(std::size_t place, std::string_view bytes) {
  if (out_.failed()) return;
  // One insertion, since each moves all that is behind it.
  std::string whole = "$";
  whole.append(IntegerText(static_cast<std::int64_t>(bytes.size())).view());
  whole.append("\r\n").append(bytes).append("\r\n");
  out_.insert(place, whole);
}

RealText::RealText(double value) noexcept {
  if (std::isnan(value)) {
    bytes_ = std::string_view("nan").copy(text_, sizeof text_);
  } else if (std::isinf(value)) {
    bytes_ = std::string_view(value > 0 ? "inf" : "-inf").copy(text_, sizeof text_);
  } else {
    bytes_ =
        static_cast<std::size_t>(std::to_chars(text_, text_ + sizeof text_, value).ptr - text_);
  }
}

}  // namespace ullage::resp
