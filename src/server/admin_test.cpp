#include "server/admin.h"

#include <array>
#include <list>
#include <memory>
#include <string>

#include <gtest/gtest.h>
#include <sys/socket.h>

namespace ullage::server {
namespace {

/// "/steps" takes so many steps, "/waits" never ends, "/large" is a megabyte.
class Pages final : public AdminPages {
 public:
  AdminAnswer open(const AdminRequest& request) override {
    ++opened;
    was_authorized = request.is_authorized;
    if (request.path == "/large") return AdminResponse{.body = std::string(1 << 20, 'x')};
    if (request.path == "/steps") return std::make_unique<Page>(*this);
    if (request.path == "/waits") return std::make_unique<Waits>(*this);
    return AdminResponse{.body = "page\n"};
  }
  int opened = 0;
  int open_pages = 0;
  bool was_authorized = false;

 private:
  class Page : public AdminPage {
   public:
    explicit Page(Pages& pages) : pages_(pages) { ++pages_.open_pages; }
    ~Page() override { --pages_.open_pages; }
    bool step() override { return ++steps_ == 5; }
    AdminResponse response() override { return {.body = "made\n"}; }

   private:
    Pages& pages_;
    int steps_ = 0;
  };
  class Waits final : public Page {
   public:
    using Page::Page;
    bool step() override { return false; }
    [[nodiscard]] std::int64_t wait_ms() const override { return 1000; }
  };
};

class Admins : public ::testing::Test {
 protected:
  static constexpr Admin::Peer k_here{.is_local = true};
  static constexpr Admin::Peer k_elsewhere{};

  /// The client's end of a connection that has just come in.
  int connect(Admin::Peer peer, int buffer_bytes = 0) {
    std::array<int, 2> ends{};
    EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends.data()), 0);
    if (buffer_bytes != 0)
      ::setsockopt(ends[0], SOL_SOCKET, SO_SNDBUF, &buffer_bytes, sizeof buffer_bytes);
    clients_.emplace_back(ends[1]);
    admin_.accept(Channel(Descriptor(ends[0])), peer);
    return ends[1];
  }
  void send(int client, const std::string& bytes) {
    ASSERT_EQ(::send(client, bytes.data(), bytes.size(), MSG_NOSIGNAL),
              static_cast<ssize_t>(bytes.size()));
  }
  void go_on(int rounds = 1) {
    for (int i = 0; i < rounds; ++i) {
      poller_.run_once(0);
      admin_.after_round();
    }
  }
  /// What has come so far.
  std::string received(int client) {
    std::string text;
    std::array<char, 4096> bytes{};
    for (ssize_t n = 0; (n = ::recv(client, bytes.data(), bytes.size(), 0)) > 0;)
      text.append(bytes.data(), static_cast<std::size_t>(n));
    return text;
  }
  bool is_closed(int client) {
    char byte = 0;
    return ::recv(client, &byte, 1, MSG_PEEK) == 0;
  }
  static std::string get(const std::string& path, const std::string& headers = {}) {
    return "GET " + path + " HTTP/1.1\r\nHost: 127.0.0.1:7380\r\n" + headers + "\r\n";
  }
  /// The status of the answer.
  std::string ask(const std::string& request, Admin::Peer peer = k_here) {
    const int client = connect(peer);
    send(client, request);
    go_on(10);
    const std::string answer = received(client);
    return answer.starts_with("HTTP/1.1 ") ? answer.substr(9, 3) : answer;
  }

  std::shared_ptr<ManualClock> time_ = std::make_shared<ManualClock>(1'700'000'000'000);
  command::CommandClock clock_{time_};
  Poller poller_;
  Pages pages_;
  Admin admin_{poller_, clock_, pages_};
  std::list<Descriptor> clients_;
};

TEST_F(Admins, ShowWhoIsElsewhereNothingButProbesWithoutTheToken) {
  EXPECT_EQ(ask(get("/debug/x"), k_elsewhere), "401");
  EXPECT_EQ(ask(get("/healthz"), k_elsewhere), "200");
  EXPECT_EQ(ask(get("/metrics"), k_elsewhere), "200");
  EXPECT_EQ(ask(get("/debug/x"), k_here), "200");
  EXPECT_FALSE(pages_.was_authorized);
  const std::string token = "Authorization: Bearer geheim\r\n";
  EXPECT_EQ(ask(get("/debug/x", token), k_elsewhere), "401") << "there is no token";
  admin_.set_token("geheim");
  pages_.opened = 0;
  EXPECT_EQ(ask(get("/debug/x", "Authorization: Bearer geheit\r\n"), k_elsewhere), "401");
  EXPECT_EQ(ask(get("/debug/x", "Authorization: Bearer geheim2\r\n"), k_elsewhere), "401");
  EXPECT_EQ(ask(get("/debug/x", "Authorization: Bearer \r\n"), k_elsewhere), "401");
  EXPECT_EQ(pages_.opened, 0);
  EXPECT_EQ(ask(get("/debug/x", token), k_elsewhere), "200");
  EXPECT_TRUE(pages_.was_authorized);
  EXPECT_EQ(ask(get("/debug/x", "X-Forwarded-For: 192.0.2.1\r\n")), "401") << "through a proxy";
  EXPECT_EQ(ask(get("/debug/x", "Forwarded: for=192.0.2.1\r\n")), "401");
}

TEST_F(Admins, AreNotReachedThroughABrowserThatShowsAnotherSite) {
  EXPECT_EQ(ask(get("/debug/x", "Sec-Fetch-Site: cross-site\r\n")), "403");
  EXPECT_EQ(ask(get("/debug/x", "Origin: http://evil.example\r\n")), "403");
  EXPECT_EQ(ask(get("/debug/x", "Origin: null\r\n")), "403");
  EXPECT_EQ(ask(get("/debug/x", "Sec-Fetch-Site: none\r\n")), "200");
  EXPECT_EQ(ask(get("/debug/x",
                    "Sec-Fetch-Site: same-origin\r\n"
                    "Origin: http://127.0.0.1:7380\r\n")),
            "200");
  const std::string by_name = "GET /debug/x HTTP/1.1\r\nHost: cache-1:7380\r\n";
  EXPECT_EQ(ask(by_name + "\r\n"), "403");
  EXPECT_EQ(ask(by_name + "\r\n", {.is_local = true, .is_unix = true}), "200");
  admin_.set_token("geheim");
  EXPECT_EQ(ask(by_name + "Authorization: Bearer geheim\r\n\r\n"), "200") << "who knows it may";
}

TEST_F(Admins, AnswerOnlyProbesWhereOthersHaveAPortOfTheirOwn) {
  const Admin::Peer peer{.scope = Admin::Scope::probes, .is_local = true};
  EXPECT_EQ(ask(get("/healthz"), peer), "200");
  EXPECT_EQ(ask(get("/debug/x"), peer), "404");
}

TEST_F(Admins, MakeSoManyPagesAtATime) {
  std::vector<int> waiting;
  for (std::size_t i = 0; i < Admin::k_pages_max; ++i) {
    waiting.push_back(connect(k_here));
    send(waiting.back(), get("/waits"));
  }
  go_on(3);
  EXPECT_EQ(pages_.open_pages, static_cast<int>(Admin::k_pages_max));
  EXPECT_EQ(ask(get("/steps")), "503");
  EXPECT_EQ(ask(get("/healthz")), "200");
  clients_.remove_if([&](const Descriptor& one) { return one.get() == waiting.front(); });
  go_on(2);
  EXPECT_EQ(pages_.open_pages, static_cast<int>(Admin::k_pages_max) - 1) << "who goes ends it";
  EXPECT_EQ(ask(get("/steps")), "200");
  EXPECT_EQ(pages_.open_pages, static_cast<int>(Admin::k_pages_max) - 1);
}

TEST_F(Admins, OfManyWhoSayNothingTheOldestGoesAndNoPageDoes) {
  const int page = connect(k_here);
  send(page, get("/waits"));
  go_on(2);
  std::vector<int> silent;
  for (std::size_t i = 0; i < Admin::k_connections_max + 10; ++i)
    silent.push_back(connect(k_elsewhere));
  EXPECT_EQ(ask(get("/healthz"), k_elsewhere), "200");
  EXPECT_EQ(pages_.open_pages, 1);
  EXPECT_TRUE(is_closed(silent[0]));
  EXPECT_FALSE(is_closed(silent.back()));
}

TEST_F(Admins, OfABurstEachThatHasAskedIsAnswered) {
  std::vector<int> burst;
  for (std::size_t i = 0; i < 2 * Admin::k_connections_max; ++i) {
    std::array<int, 2> ends{};
    ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends.data()), 0);
    clients_.emplace_back(ends[1]);
    burst.push_back(ends[1]);
    send(ends[1], get("/healthz"));
    admin_.accept(Channel(Descriptor(ends[0])), k_elsewhere);
  }
  for (const int client : burst)
    EXPECT_TRUE(received(client).starts_with("HTTP/1.1 200"));
}

TEST_F(Admins, WhoTakesNothingOrTooLittleGoes) {
  const int idle = connect(k_here);
  const int slow = connect(k_here, 4096);
  send(slow, get("/large"));
  go_on(2);
  std::int64_t seconds = 0;
  std::array<char, 2000> bytes{};
  // As long as it is there, it takes what is said to it.
  for (; seconds < 500 && ::send(slow, "x", 1, MSG_NOSIGNAL) == 1; ++seconds) {
    time_->advance(Millis(1000));
    EXPECT_GT(::recv(slow, bytes.data(), bytes.size(), 0), 0) << "something each second";
    go_on(2);
    if (seconds == 0) {
      EXPECT_FALSE(is_closed(idle));
    }
  }
  EXPECT_TRUE(is_closed(idle));
  EXPECT_GE(seconds, Admin::k_idle_ms / 1000);
  EXPECT_LT(seconds, 2 * Admin::k_idle_ms / 1000 + (1 << 20) / 32'768 + 10);
}

TEST_F(Admins, AnAnswerOfAMegabyteArrivesWhole) {
  const int client = connect(k_here);
  send(client, get("/large"));
  std::string answer;
  for (int i = 0; i < 1000; ++i) {
    go_on();
    answer += received(client);
  }
  const std::size_t body = answer.find("\r\n\r\n") + 4;
  EXPECT_NE(answer.find("Content-Length: 1048576\r\n"), std::string::npos);
  EXPECT_EQ(answer.size() - body, std::size_t{1} << 20);
  EXPECT_TRUE(is_closed(client)) << "to its end";
}

TEST_F(Admins, HeadHasNoBody) {
  const int client = connect(k_here);
  send(client, "HEAD /healthz HTTP/1.1\r\n\r\n");
  go_on(2);
  const std::string answer = received(client);
  EXPECT_NE(answer.find("Content-Length: 3\r\n"), std::string::npos);
  EXPECT_TRUE(answer.ends_with("\r\n\r\n"));
}

}  // namespace
}  // namespace ullage::server
