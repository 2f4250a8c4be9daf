#include "report/json.h"
#include "report/page.h"
#include "report/report_testing.h"
#include "report/text.h"

#include <string>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace ullage::app {
namespace {

TEST(JsonReport, HasThePromisedKeys) {
  const auto json = nlohmann::json::parse(json_report(example_result(), nullptr));
  EXPECT_EQ(json.at("requests"), 1000);
  EXPECT_EQ(json.at("hits"), 750);
  EXPECT_EQ(json.at("misses"), 250);
  EXPECT_DOUBLE_EQ(json.at("miss_ratio").get<double>(), 0.25);
  EXPECT_DOUBLE_EQ(json.at("byte_miss_ratio").get<double>(), 0.125);
  EXPECT_DOUBLE_EQ(json.at("seconds").get<double>(), 1.5);
  EXPECT_EQ(json.at("resident_peak_bytes"), 12u << 20);
  EXPECT_EQ(json.at("resident_added_peak_bytes"), 7u << 20);
  EXPECT_EQ(json.at("removals").at("evicted"), 200);
  EXPECT_TRUE(json.at("max_entries").is_null());
  EXPECT_FALSE(json.contains("naive"));
  const ReplayResult naive = example_result();
  EXPECT_TRUE(nlohmann::json::parse(json_report(example_result(), &naive))
                  .at("naive")
                  .contains("miss_ratio"));
}

TEST(TextReport, HasALineOfRolesThatAddsUp) {
  EXPECT_EQ(role_line(example_result()),
            "value 1,000,000 + field 100,000 + header 200,000 + index 50,000 + slack 150,000 = "
            "charged 1,500,000 bytes");
  const std::string text = text_report(example_result(), nullptr, "", {});
  EXPECT_NE(text.find(role_line(example_result())), std::string::npos);
  EXPECT_NE(text.find("evicted 200, expired 5, replaced 0, erased 1, limit 2"), std::string::npos);
  EXPECT_NE(text.find("75.00 %"), std::string::npos);
}

TEST(TextReport, ShowsWhatDoesNotBalance) {
  ReplayResult result = example_result();
  result.findings = {"a page is lost"};
  EXPECT_NE(text_report(result, nullptr, "", {}).find("a page is lost"), std::string::npos);
}

TEST(HtmlPage, LoadsNothingAndEscapesNames) {
  const ReplayResult naive = example_result();
  const std::string page = html_page(example_result(), &naive, {"ullage replay <x>", "", "1"});
  EXPECT_EQ(page.find(" src="), std::string::npos);
  EXPECT_EQ(page.find(" href="), std::string::npos);
  EXPECT_EQ(page.find("@import"), std::string::npos);
  EXPECT_EQ(page.find("url("), std::string::npos);
  EXPECT_EQ(page.find("<busy>"), std::string::npos);
  EXPECT_NE(page.find("&lt;busy&gt;"), std::string::npos);
  EXPECT_EQ(page.find("nan"), std::string::npos);
  for (const char* part :
       {"Resident memory against the limit", "Hit ratio over time", "Bytes by role",
        "Removed entries by cause", "prefers-color-scheme: dark", "naive map of maps"}) {
    EXPECT_NE(page.find(part), std::string::npos) << part;
  }
}

TEST(HtmlPage, AnEmptyRunStillMakesAPage) {
  ReplayResult result;
  result.samples.push_back({});
  EXPECT_NE(html_page(result, nullptr, {}).find("</html>"), std::string::npos);
  EXPECT_NE(text_report(result, nullptr, "", {}), "");
}

}  // namespace
}  // namespace ullage::app
