#include "benchmarks/report.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "benchmarks/sample.hpp"

namespace nestbox::bench {
namespace {

TEST(Bar, HoldsAtItsLimit) {
  EXPECT_TRUE(at_most(1.25).holds(1.25));
  EXPECT_FALSE(at_most(1.25).holds(1.26));
  EXPECT_TRUE(at_least(30).holds(30));
  EXPECT_FALSE(at_least(30).holds(29.9));
  EXPECT_TRUE(within(20, 2).holds(18));
  EXPECT_TRUE(within(20, 2).holds(22));
  EXPECT_FALSE(within(20, 2).holds(17.9));
  EXPECT_FALSE(within(20, 2).holds(22.1));
}

TEST(Bar, SaysWhatItWants) {
  EXPECT_EQ(at_most(1.25).text(), "<=1.25");
  EXPECT_EQ(at_least(30).text(), ">=30");
  EXPECT_EQ(within(20, 2).text(), "20+-2");
}

TEST(BenchmarkTable, GivesARowItsFiveColumns) {
  const Row row{"tiny_fork_vs_floor", "x", at_most(1.25), 1.1};
  EXPECT_EQ(table_head(), "name                              value unit bar      holds");
  EXPECT_EQ(table_line(row), "tiny_fork_vs_floor                 1.10 x    <=1.25   yes");
}

TEST(BenchmarkTable, DoesNotHoldWhatWasNotMeasured) {
  const Row row{"tiny_fork_vs_docker", "x", at_most(0.8), {}, {}, "needs root"};
  EXPECT_EQ(table_line(row), "tiny_fork_vs_docker                   - x    <=0.8    no");
}

TEST(BenchmarkJson, HoldsRowsPartsAndReasons) {
  const std::vector<Row> rows = {{"a", "ms", at_most(2), 1.5, {{"floor ms", 1.2}}},
                                 {"b", "x", at_least(30), {}, {}, "needs root"}};
  const auto document = nlohmann::json::parse(to_json(rows, {{"cores", "2"}}));
  EXPECT_EQ(document, nlohmann::json::parse(R"({
    "version": 1,
    "host": {"cores": "2"},
    "rows": [
      {"name": "a", "value": 1.5, "unit": "ms", "bar": "<=2", "holds": true, "parts": {"floor ms": 1.2}},
      {"name": "b", "value": null, "unit": "x", "bar": ">=30", "holds": false, "parts": {},
       "reason": "needs root"}
    ]})"));
}

TEST(Median, IsTheMiddleOrTheMeanOfBothMiddles) {
  EXPECT_EQ(median({3, 1, 2}), 2);
  EXPECT_EQ(median({4, 1, 2, 3}), 2.5);
}

TEST(InterleavedMedians, TakesTurnsAndForgetsTheWarmUp) {
  std::string order;
  double next = 100;  // the warm-up round is an outlier
  const auto medians = interleaved_medians({[&] {
                                              order += 'a';
                                              return next;
                                            },
                                            [&] {
                                              order += 'b';
                                              return std::exchange(next, 1);
                                            }},
                                           3);
  EXPECT_EQ(order, "abababab");
  EXPECT_THAT(medians, testing::ElementsAre(1, 1));
}

}  // namespace
}  // namespace nestbox::bench
