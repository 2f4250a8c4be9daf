// Counts a page's deadlines from another base, so that they stay cheap as time goes by.
//
// A page's base is chosen for the first deadline that comes into it. In a page that always holds
// some timed entry later ones would drift away from it, to the wider forms of entry.h.
#pragma once

#include "engine/page_image.h"

#include <cstdint>

namespace ullage::engine {

/// Writes a record anew under another base and head, entry by entry.
void rebuild_record(RecordImage& to, const RecordDraft& head, const std::byte* from,
                    const RecordHead& from_head, std::uint16_t single_rank,
                    std::int64_t from_base_ms, std::int64_t to_base_ms);

/// Writes all entries anew, in their places. The image may become longer or shorter.
void rebase(PageImage& image, std::int64_t base_ms);

/// What an image needs before an entry with this deadline comes into it: a time block, a due time
/// that is not later, and, where the deadline is far from the base and the others are near to it,
/// another base. O(1), and O(entries) at most once in an hour of deadlines.
void note_deadline(PageImage& image, std::int64_t deadline_ms);

}  // namespace ullage::engine
