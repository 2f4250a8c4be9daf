// How the program's allocator is set up; jemalloc reads it before main().
//
//   prof...           heap profiles, on as long as --heap-sample says so
//   narenas:2         each arena keeps what was once freed in it: no more of them than help
//   dirty_decay_ms    what is free goes back to the system after a second, and not after ten: the
//   muzzy_decay_ms    process lives under a limit

extern "C" {
extern const char* malloc_conf;
const char* malloc_conf =
    "prof:true,prof_active:true,prof_accum:true,lg_prof_sample:19,"
    "narenas:2,dirty_decay_ms:1000,muzzy_decay_ms:0";
}
