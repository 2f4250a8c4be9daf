#include "observe/stack_walk.h"

#include <algorithm>
#include <cstring>

#include <pthread.h>
#include <unwind.h>

namespace ullage::observe {

namespace {

struct Unwinding {
  std::span<void*> addresses;
  std::size_t count = 0;
};

_Unwind_Reason_Code on_frame(_Unwind_Context* context, void* to) noexcept {
  auto& unwinding = *static_cast<Unwinding*>(to);
  const std::uintptr_t address = ::_Unwind_GetIP(context);
  if (address == 0 || unwinding.count == unwinding.addresses.size()) return _URC_END_OF_STACK;
  // NOLINTNEXTLINE(performance-no-int-to-ptr): what the unwinder answers is a number
  unwinding.addresses[unwinding.count++] = reinterpret_cast<void*>(address);
  return _URC_NO_REASON;
}

/// Where the running thread's stack ends; 0 if nobody says.
std::uint64_t stack_end() noexcept {
  constinit thread_local std::uint64_t end = 0;
  if (end != 0) return end;
  pthread_attr_t attributes;
  if (::pthread_getattr_np(::pthread_self(), &attributes) != 0) return 0;
  void* lowest = nullptr;
  std::size_t bytes = 0;
  if (::pthread_attr_getstack(&attributes, &lowest, &bytes) == 0)
    end = reinterpret_cast<std::uint64_t>(lowest) + bytes;
  ::pthread_attr_destroy(&attributes);
  return end;
}

std::uint64_t number(const void* address) noexcept {
  return reinterpret_cast<std::uint64_t>(address);
}

/// What a frame begins with.
struct Frame {
  const void* caller;
  void* return_address;
};

}  // namespace

std::size_t unwind_stack(std::span<void*> addresses) noexcept {
  Unwinding unwinding{.addresses = addresses};
  ::_Unwind_Backtrace(on_frame, &unwinding);
  return unwinding.count;
}

bool StackWalk::is_base(std::uint64_t address) const noexcept {
  return std::ranges::any_of(
      bases_, [&](const auto& base) { return base.load(std::memory_order_relaxed) == address; });
}

void StackWalk::learn_base(std::uint64_t address) noexcept {
  for (std::atomic<std::uint64_t>& base : bases_) {
    std::uint64_t none = 0;
    if (base.compare_exchange_strong(none, address, std::memory_order_relaxed)) return;
    if (none == address) return;
  }
}

// 0 if the list does not lead to a base.
std::size_t StackWalk::follow(const void* frame, std::span<void*> addresses) const noexcept {
  const std::uint64_t end = stack_end();
  std::size_t count = 0;
  while (count < addresses.size()) {
    if (number(frame) % alignof(Frame) != 0 || number(frame) + sizeof(Frame) > end) return 0;
    Frame here;
    std::memcpy(&here, frame, sizeof here);
    addresses[count++] = here.return_address;
    if (!code_.has(number(here.return_address)))
      return is_base(number(here.return_address)) ? count : 0;
    if (number(here.caller) <= number(frame)) return 0;
    frame = here.caller;
  }
  return count;
}

std::size_t StackWalk::unwind(std::uint64_t first, std::span<void*> addresses) noexcept {
  unwound_.fetch_add(1, std::memory_order_relaxed);
  std::size_t count = unwind_stack(addresses);
  const bool is_cut = count == addresses.size();  // there may be more below
  if (first != 0) {
    // What lies between here and the function that is asked for is ours or the allocator's.
    const auto all = addresses.first(count);
    const auto at =
        std::ranges::find_if(all, [&](const void* one) { return number(one) == first; });
    if (at != all.end()) {
      std::move(at, all.end(), all.begin());
      count = static_cast<std::size_t>(all.end() - at);
    }
  }
  // Below the last of ours is a base; and what is below that says nothing.
  const auto all = addresses.first(count);
  const auto ours =
      std::find_if(all.rbegin(), all.rend(), [&](void* one) { return code_.has(number(one)); });
  if (ours == all.rend() || ours == all.rbegin()) return count;
  const auto base = ours.base();
  if (!is_cut) learn_base(number(*base));
  return static_cast<std::size_t>(base - all.begin()) + 1;
}

std::size_t StackWalk::capture(const void* frame, std::span<void*> addresses) noexcept {
  if (frame == nullptr) return unwind(0, addresses);
  if (const std::size_t count = follow(frame, addresses); count != 0) return count;
  Frame innermost;
  std::memcpy(&innermost, frame, sizeof innermost);
  return unwind(number(innermost.return_address), addresses);
}

}  // namespace ullage::observe
