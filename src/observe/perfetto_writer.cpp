#include "observe/perfetto_writer.h"

#include <utility>

namespace ullage::observe {

namespace {
// Field numbers of perfetto/trace/.
namespace in_trace {
constexpr std::uint32_t k_packet = 1;
}
namespace in_packet {
constexpr std::uint32_t k_timestamp = 8;
constexpr std::uint32_t k_sequence_id = 10;
constexpr std::uint32_t k_track_event = 11;
constexpr std::uint32_t k_sequence_flags = 13;
constexpr std::uint32_t k_track_descriptor = 60;
}  // namespace in_packet
namespace in_track {
constexpr std::uint32_t k_uuid = 1;
constexpr std::uint32_t k_name = 2;
constexpr std::uint32_t k_process = 3;
constexpr std::uint32_t k_thread = 4;
constexpr std::uint32_t k_parent_uuid = 5;
constexpr std::uint32_t k_counter = 8;
}  // namespace in_track
namespace in_event {
constexpr std::uint32_t k_annotation = 4;
constexpr std::uint32_t k_type = 9;
constexpr std::uint32_t k_track_uuid = 11;
constexpr std::uint32_t k_category = 22;
constexpr std::uint32_t k_name = 23;
constexpr std::uint32_t k_counter_value = 30;
constexpr std::uint32_t k_flow_id = 47;
}  // namespace in_event
constexpr std::uint64_t k_slice_begin = 1;
constexpr std::uint64_t k_slice_end = 2;
constexpr std::uint64_t k_instant = 3;
constexpr std::uint64_t k_counter = 4;
constexpr std::uint64_t k_state_cleared = 1;
}  // namespace

void PerfettoWriter::add(ProtoWriter packet) {
  packet.number(in_packet::k_sequence_id, std::uint64_t{1});
  if (std::exchange(is_first_, false)) packet.number(in_packet::k_sequence_flags, k_state_cleared);
  trace_.message(in_trace::k_packet, packet);
}

void PerfettoWriter::process(TrackId track, std::uint32_t pid, std::string_view name) {
  ProtoWriter process;
  process.number(1, std::uint64_t{pid});
  process.bytes(6, name);
  ProtoWriter descriptor;
  descriptor.number(in_track::k_uuid, track);
  descriptor.message(in_track::k_process, process);
  ProtoWriter packet;
  packet.message(in_packet::k_track_descriptor, descriptor);
  add(std::move(packet));
}

void PerfettoWriter::thread(TrackId track, TrackId process, std::uint32_t pid, std::uint32_t tid,
                            std::string_view name) {
  ProtoWriter thread;
  thread.number(1, std::uint64_t{pid});
  thread.number(2, std::uint64_t{tid});
  thread.bytes(5, name);
  ProtoWriter descriptor;
  descriptor.number(in_track::k_uuid, track);
  descriptor.number(in_track::k_parent_uuid, process);
  descriptor.message(in_track::k_thread, thread);
  ProtoWriter packet;
  packet.message(in_packet::k_track_descriptor, descriptor);
  add(std::move(packet));
}

void PerfettoWriter::counter_track(TrackId track, TrackId process, std::string_view name) {
  ProtoWriter descriptor;
  descriptor.number(in_track::k_uuid, track);
  descriptor.number(in_track::k_parent_uuid, process);
  descriptor.bytes(in_track::k_name, name);
  descriptor.message(in_track::k_counter, ProtoWriter());
  ProtoWriter packet;
  packet.message(in_packet::k_track_descriptor, descriptor);
  add(std::move(packet));
}

void PerfettoWriter::event(TrackId track, std::int64_t at_ns, std::uint64_t type,
                           const Slice* slice) {
  ProtoWriter event;
  event.number(in_event::k_type, type);
  event.number(in_event::k_track_uuid, track);
  if (slice != nullptr) {
    event.bytes(in_event::k_name, slice->name);
    event.bytes(in_event::k_category, slice->category);
    if (slice->flow != 0) event.fixed64(in_event::k_flow_id, slice->flow);
    for (const Argument& argument : slice->arguments) {
      ProtoWriter annotation;
      annotation.bytes(10, argument.name);
      if (argument.text.empty()) {
        annotation.varint(3, argument.number);
      } else {
        annotation.bytes(6, argument.text);
      }
      event.message(in_event::k_annotation, annotation);
    }
  }
  ProtoWriter packet;
  packet.number(in_packet::k_timestamp, at_ns);
  packet.message(in_packet::k_track_event, event);
  add(std::move(packet));
}

void PerfettoWriter::begin(TrackId track, std::int64_t at_ns, const Slice& slice) {
  event(track, at_ns, k_slice_begin, &slice);
}
void PerfettoWriter::end(TrackId track, std::int64_t at_ns) {
  event(track, at_ns, k_slice_end, nullptr);
}
void PerfettoWriter::instant(TrackId track, std::int64_t at_ns, const Slice& slice) {
  event(track, at_ns, k_instant, &slice);
}

void PerfettoWriter::value(TrackId track, std::int64_t at_ns, std::uint64_t value) {
  ProtoWriter event;
  event.number(in_event::k_type, k_counter);
  event.number(in_event::k_track_uuid, track);
  event.varint(in_event::k_counter_value, value);
  ProtoWriter packet;
  packet.number(in_packet::k_timestamp, at_ns);
  packet.message(in_packet::k_track_event, event);
  add(std::move(packet));
}

}  // namespace ullage::observe
