// allocation_loop PAIRS: prints the nanoseconds that a pair of new and delete takes. Linked twice:
// with ullage::heap, and with jemalloc alone.
#include "common/allocation_loop.h"

#include <cstdio>
#include <cstdlib>

int main(int count, char** words) {
  if (count != 2) {
    std::fprintf(stderr, "usage: %s PAIRS\n", words[0]);
    return 2;
  }
  std::printf("%f\n", ullage::bench::loop_below(ullage::bench::k_frames,
                                                std::strtoull(words[1], nullptr, 10)));
  return 0;
}
