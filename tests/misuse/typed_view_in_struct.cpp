// expect: this type only points to its bytes
// Trivially copyable, and yet what its member points to is gone when it is read.
#include <ullage/typed.h>

#include <string>
#include <string_view>

struct Session {
  int number;
  std::string_view token;
};

void keep(ullage::Cache& cache, const Session& session) {
  ullage::typed<std::string, std::string, Session>(cache).set("g", "f", session).value();
}
