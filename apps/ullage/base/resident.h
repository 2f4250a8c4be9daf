// What the kernel says this process holds in memory.
#pragma once

#include <cstdint>

namespace ullage::app {

/// Resident bytes now. Exact where /proc/self/smaps_rollup can be read (it walks the page tables:
/// about 20 us per MiB), else from statm, which may lag by some pages per thread. 0 if neither can.
std::uint64_t resident_bytes();

/// The highest resident size since the start or the last reset_resident_peak().
std::uint64_t resident_peak_bytes();

/// Starts the peak anew from what is resident now. False where the kernel does not let us; the peak
/// then includes what came before.
bool reset_resident_peak();

/// Asks the allocator to give pages that hold nothing back to the system, so that memory used for a
/// moment does not count for what comes after.
void return_free_memory();

/// Makes the program's own code and constants resident, so that touching them for the first time
/// does not count as growth of what is measured.
void prefault_program();

}  // namespace ullage::app
