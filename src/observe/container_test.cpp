#include <ullage/observe/container.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <string>

#include <gtest/gtest.h>
#include <unistd.h>

namespace ullage::observe {
namespace {

/// A tree of files as a kernel would show it.
class Tree {
 public:
  // Tests run beside each other, each in a process of its own.
  Tree()
      : root_(std::filesystem::path(testing::TempDir()) /
              ("ullage_container_test." + std::to_string(::getpid()))) {
    std::filesystem::remove_all(root_);
  }
  ~Tree() { std::filesystem::remove_all(root_); }
  Tree(const Tree&) = delete;
  Tree& operator=(const Tree&) = delete;

  void write(const std::string& path, const std::string& text) const {
    const auto file = root_ / path;
    std::filesystem::create_directories(file.parent_path());
    std::ofstream(file) << text;
  }
  [[nodiscard]] std::string root() const { return root_.string(); }

 private:
  std::filesystem::path root_;
};

TEST(Container, OfVersion2HasTheTightestLimitAroundIt) {
  const Tree tree;
  tree.write("proc/self/cgroup", "0::/kubepods/pod1/ours\n");
  const std::string groups = "sys/fs/cgroup";
  tree.write(groups + "/cgroup.controllers", "memory\n");
  tree.write(groups + "/kubepods/memory.current", "900\n");
  tree.write(groups + "/kubepods/memory.max", "1000\n");
  tree.write(groups + "/kubepods/pod1/memory.current", "500\n");
  tree.write(groups + "/kubepods/pod1/memory.max", "800\n");
  tree.write(groups + "/kubepods/pod1/memory.high", "700\n");
  tree.write(groups + "/kubepods/pod1/ours/memory.current", "400\n");
  tree.write(groups + "/kubepods/pod1/ours/memory.max", "max\n");
  tree.write(groups + "/kubepods/pod1/ours/memory.high", "max\n");
  tree.write(groups + "/kubepods/pod1/ours/memory.stat", "anon 1\ninactive_file 33\nfile 9\n");
  tree.write(groups + "/kubepods/pod1/ours/memory.events", "oom 5\noom_kill 2\n");
  tree.write(groups + "/kubepods/pod1/ours/memory.pressure",
             "some avg10=1.50 avg60=0.00 avg300=0.00 total=0\nfull avg10=0.00\n");
  const ContainerMemory memory = container_memory(tree.root());
  EXPECT_EQ(memory.version, 2);
  EXPECT_EQ(memory.path, "/kubepods/pod1/ours");
  EXPECT_EQ(memory.charged, 400U);
  EXPECT_EQ(memory.limit, 800U);
  EXPECT_EQ(memory.high, 700U);
  EXPECT_EQ(memory.headroom, 100U) << "of the outer group, which is nearer to its limit";
  EXPECT_EQ(memory.inactive_files, 33U);
  EXPECT_EQ(memory.oom_kills, 2U);
  EXPECT_DOUBLE_EQ(memory.pressure_percent, 1.5);
  EXPECT_EQ(memory.groups, 3U);
  EXPECT_EQ(memory.bound(), 700U) << "the kernel slows it down from there on";
  EXPECT_EQ(memory.tightest_limit, 1000U);
  EXPECT_EQ(memory.tightest_used, 900U);
  EXPECT_EQ(memory.limit_hits, 0U);
  // The pod is fullest when the files of the others are left out; above its high it is slowed down.
  tree.write(groups + "/kubepods/memory.stat", "inactive_file 600\n");
  tree.write(groups + "/kubepods/pod1/ours/memory.events", "low 0\nhigh 9\nmax 41\noom_kill 2\n");
  const ContainerMemory later = container_memory(tree.root());
  EXPECT_EQ(later.tightest_limit, 700U);
  EXPECT_EQ(later.tightest_used, 500U);
  EXPECT_EQ(later.limit_hits, 41U);
}

TEST(Container, OfVersion1IsBoundedByThoseAroundIt) {
  const Tree tree;
  tree.write("proc/self/cgroup", "7:memory:/pods/ours\n");
  const std::string groups = "sys/fs/cgroup/memory";
  tree.write(groups + "/memory.usage_in_bytes", "90000\n");
  tree.write(groups + "/memory.limit_in_bytes", "9223372036854771712\n");
  tree.write(groups + "/pods/memory.usage_in_bytes", "5000\n");
  tree.write(groups + "/pods/memory.limit_in_bytes", "6000\n");
  tree.write(groups + "/pods/memory.stat", "inactive_file 1\ntotal_inactive_file 500\n");
  tree.write(groups + "/pods/ours/memory.usage_in_bytes", "1000\n");
  tree.write(groups + "/pods/ours/memory.limit_in_bytes", "8000\n");
  tree.write(groups + "/pods/ours/memory.failcnt", "17\n");
  const ContainerMemory memory = container_memory(tree.root());
  EXPECT_EQ(memory.limit, 6000U);
  EXPECT_EQ(memory.charged, 1000U);
  EXPECT_EQ(memory.headroom, 1000U);
  EXPECT_EQ(memory.tightest_limit, 6000U);
  EXPECT_EQ(memory.tightest_used, 4500U);
  EXPECT_EQ(memory.limit_hits, 17U);
  EXPECT_EQ(memory.groups, 3U);
}

TEST(Container, OfVersion1MaySeeItsOwnGroupAlone) {
  const Tree tree;
  tree.write("proc/self/cgroup", "12:cpu,cpuacct:/docker/0a\n7:memory:/docker/0a\n0::/docker/0a\n");
  const std::string groups = "sys/fs/cgroup/memory";
  tree.write(groups + "/memory.usage_in_bytes", "5000\n");
  tree.write(groups + "/memory.limit_in_bytes", "9000\n");
  tree.write(groups + "/memory.stat", "inactive_file 1\ntotal_inactive_file 44\n");
  tree.write(groups + "/memory.oom_control", "oom_kill_disable 0\nunder_oom 0\noom_kill 3\n");
  const ContainerMemory memory = container_memory(tree.root());
  EXPECT_EQ(memory.version, 1);
  EXPECT_EQ(memory.charged, 5000U);
  EXPECT_EQ(memory.limit, 9000U);
  EXPECT_EQ(memory.headroom, 4000U);
  EXPECT_EQ(memory.inactive_files, 44U);
  EXPECT_EQ(memory.oom_kills, 3U);
}

TEST(Container, WithoutALimitSaysSo) {
  const Tree tree;
  tree.write("proc/self/cgroup", "7:memory:/\n");
  tree.write("sys/fs/cgroup/memory/memory.usage_in_bytes", "5000\n");
  tree.write("sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n");
  const ContainerMemory memory = container_memory(tree.root());
  EXPECT_EQ(memory.version, 1);
  EXPECT_FALSE(memory.has_limit());
  EXPECT_EQ(memory.headroom, ContainerMemory::k_no_limit);
}

TEST(Container, AboveItsLimitHasNoHeadroom) {
  const Tree tree;
  tree.write("proc/self/cgroup", "0::/\n");
  tree.write("sys/fs/cgroup/memory.current", "5000\n");
  tree.write("sys/fs/cgroup/memory.max", "4000\n");
  EXPECT_EQ(container_memory(tree.root()).headroom, 0U);
}

TEST(Container, WithoutAccountsOfItsOwnIsPartOfTheNextThatHasThem) {
  const Tree tree;
  tree.write("proc/self/cgroup", "0::/system.slice/ullage.service/worker\n");
  const std::string groups = "sys/fs/cgroup";
  tree.write(groups + "/cgroup.controllers", "memory\n");
  tree.write(groups + "/system.slice/memory.current", "8000\n");
  tree.write(groups + "/system.slice/memory.max", "10000\n");
  tree.write(groups + "/system.slice/ullage.service/memory.current", "5000\n");
  tree.write(groups + "/system.slice/ullage.service/memory.max", "7000\n");
  tree.write(groups + "/system.slice/ullage.service/worker/cgroup.procs", "1\n");
  const ContainerMemory memory = container_memory(tree.root());
  EXPECT_EQ(memory.version, 2);
  EXPECT_EQ(memory.charged, 5000U);
  EXPECT_EQ(memory.limit, 7000U);
  EXPECT_EQ(memory.headroom, 2000U);
}

TEST(Container, TheOutermostGroupIsNone) {
  const Tree tree;
  tree.write("proc/self/cgroup", "0::/\n");
  tree.write("sys/fs/cgroup/cgroup.controllers", "memory\n");
  EXPECT_EQ(container_memory(tree.root()).version, 0);
}

TEST(Container, ThatCannotBeReadIsNone) {
  const Tree tree;
  EXPECT_EQ(container_memory(tree.root()).version, 0);
  for (const char* const text : {"", "nonsense\n", ":::\n", "0::/gone\n", "7:memory:/gone\n"}) {
    tree.write("proc/self/cgroup", text);
    EXPECT_EQ(container_memory(tree.root()).version, 0) << text;
  }
}

// While it is read the group may go, or its files be hidden: that is not "no limit".
TEST(Container, WhoseLimitHasGoneIsNone) {
  const Tree tree;
  tree.write("proc/self/cgroup", "0::/system.slice/ullage.service\n");
  tree.write("sys/fs/cgroup/system.slice/ullage.service/memory.current", "5000\n");
  EXPECT_EQ(container_memory(tree.root()).version, 0);
  tree.write("sys/fs/cgroup/system.slice/ullage.service/memory.max", "max\n");
  EXPECT_EQ(container_memory(tree.root()).version, 2);
}

TEST(Container, OfThisProcessCanBeRead) {
  const ContainerMemory memory = container_memory();
  EXPECT_LE(memory.version, 2);
}

}  // namespace
}  // namespace ullage::observe
