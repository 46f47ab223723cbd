#include "data/partition.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <numeric>

#include "core/file.h"
#include "tests/data/files.h"
#include "tests/support/paths.h"

namespace archleak::data {
namespace {

using testing::Each;
using testing::ElementsAre;
using testing::Ge;
using testing::HasSubstr;
using Scheme = PartitionOptions::Scheme;

constexpr int64_t kClasses = 10;

std::vector<int32_t> labels(int64_t count) {
  std::vector<int32_t> result;
  for (int64_t i = 0; i < count; ++i) result.push_back(static_cast<int32_t>(i * 7 % kClasses));
  return result;
}

std::vector<int64_t> sizes(const Partition& partition) {
  std::vector<int64_t> result;
  for (const auto& client : partition) result.push_back(static_cast<int64_t>(client.size()));
  return result;
}

void expect_every_index_once(const Partition& partition, int64_t examples) {
  std::vector<int64_t> all;
  for (const auto& client : partition) {
    EXPECT_TRUE(std::is_sorted(client.begin(), client.end()));
    all.insert(all.end(), client.begin(), client.end());
  }
  std::sort(all.begin(), all.end());
  std::vector<int64_t> expected(static_cast<size_t>(examples));
  std::iota(expected.begin(), expected.end(), 0);
  EXPECT_EQ(all, expected);
}

/// The mean over clients of the share that its most frequent class has.
double concentration(const Partition& partition, const std::vector<int32_t>& labels) {
  double sum = 0;
  for (const auto& counts : class_histogram(partition, labels, kClasses)) {
    const auto total = std::accumulate(counts.begin(), counts.end(), int64_t{0});
    sum += static_cast<double>(*std::max_element(counts.begin(), counts.end())) / static_cast<double>(total);
  }
  return sum / static_cast<double>(partition.size());
}

TEST(Partition, EverySchemeDealsEveryExampleOnce) {
  const auto all = labels(1003);
  for (const Scheme scheme : {Scheme::iid, Scheme::dirichlet, Scheme::shards, Scheme::quantity}) {
    for (const int64_t clients : {1, 7, 100}) {
      const auto partition = make_partition(all, kClasses, clients, {.scheme = scheme}, 3);
      ASSERT_EQ(static_cast<int64_t>(partition.size()), clients);
      expect_every_index_once(partition, 1003);
    }
  }
}

TEST(Partition, TheSeedDecidesAll) {
  const auto all = labels(500);
  for (const Scheme scheme : {Scheme::iid, Scheme::dirichlet, Scheme::shards, Scheme::quantity}) {
    const PartitionOptions options{.scheme = scheme};
    EXPECT_EQ(make_partition(all, kClasses, 9, options, 3), make_partition(all, kClasses, 9, options, 3));
    EXPECT_NE(make_partition(all, kClasses, 9, options, 3), make_partition(all, kClasses, 9, options, 4));
  }
}

TEST(Partition, IidSizesAreEqualUpToOne) {
  const auto counts = sizes(make_partition(labels(1003), kClasses, 10, {}, 1));
  EXPECT_EQ(*std::min_element(counts.begin(), counts.end()), 100);
  EXPECT_EQ(*std::max_element(counts.begin(), counts.end()), 101);
}

TEST(Partition, ASmallerAlphaConcentratesClasses) {
  const auto all = labels(5000);
  const auto at = [&](double alpha) {
    return concentration(make_partition(all, kClasses, 20, {.scheme = Scheme::dirichlet, .alpha = alpha}, 1), all);
  };
  EXPECT_LT(at(1000), 0.15);
  EXPECT_GT(at(0.5), 0.25);
  EXPECT_GT(at(0.05), 0.6);
}

TEST(Partition, EveryClientGetsTheMinimumHoweverSkewed) {
  const auto all = labels(1000);
  for (const double alpha : {0.001, 0.01, 0.5}) {
    const auto partition =
        make_partition(all, kClasses, 100, {.scheme = Scheme::dirichlet, .alpha = alpha, .min_examples = 10}, 1);
    expect_every_index_once(partition, 1000);
    EXPECT_THAT(sizes(partition), Each(Ge(10)));
  }
  const auto partition =
      make_partition(all, kClasses, 50, {.scheme = Scheme::quantity, .min_examples = 5, .skew = 3}, 1);
  EXPECT_THAT(sizes(partition), Each(Ge(5)));
}

TEST(Partition, ShardsGiveAClientFewClasses) {
  const auto all = labels(1000);
  const auto partition = make_partition(all, kClasses, 50, {.scheme = Scheme::shards, .shards_per_client = 2}, 1);
  EXPECT_THAT(sizes(partition), Each(20));
  for (const auto& counts : class_histogram(partition, all, kClasses)) {
    EXPECT_LE(kClasses - std::count(counts.begin(), counts.end(), 0), 2);
  }
}

TEST(Partition, QuantitySkewFollowsThePowerLaw) {
  auto counts = sizes(make_partition(labels(1000), kClasses, 4, {.scheme = Scheme::quantity, .skew = 1}, 1));
  std::sort(counts.rbegin(), counts.rend());
  for (int64_t k = 1; k <= 4; ++k)
    EXPECT_NEAR(static_cast<double>(counts[k - 1]), 1000 / 2.08333 / static_cast<double>(k), 1.5);
}

TEST(Partition, RefusesTooFewExamplesAndLabelsOutOfRange) {
  const auto error = [](int64_t examples, int64_t clients, const PartitionOptions& options) {
    return test::error_of([&] { make_partition(labels(examples), kClasses, clients, options, 1); });
  };
  EXPECT_THAT(error(5, 6, {}), HasSubstr("expected at least 1 examples for each of 6 clients, got 5 examples"));
  EXPECT_THAT(error(50, 6, {.scheme = Scheme::dirichlet, .min_examples = 9}),
              HasSubstr("expected at least 9 examples"));
  EXPECT_THAT(error(50, 6, {.scheme = Scheme::shards, .shards_per_client = 9}), HasSubstr("expected at least 9"));
  EXPECT_THAT(error(50, 0, {}), HasSubstr("expected at least 1 client"));
  EXPECT_THAT(test::error_of([] {
                make_partition(std::vector<int32_t>{0, 10}, kClasses, 1, {}, 1);
              }),
              HasSubstr("example 1: expected a label from 0 to 9, got 10"));
}

TEST(Partition, TheHistogramCountsClassesByClient) {
  const std::vector<int32_t> all = {0, 1, 2, 2, 1};
  EXPECT_THAT(class_histogram({{0, 2, 3}, {1}}, all, 3), ElementsAre(ElementsAre(1, 0, 2), ElementsAre(0, 1, 0)));
}

TEST(PartitionFile, ReadsBackWhatWasWritten) {
  const test::TemporaryFolder folder;
  const auto all = labels(300);
  const auto partition = make_partition(all, kClasses, 5, {.scheme = Scheme::dirichlet}, 1);
  write_partition(folder / "p.json", partition, 300);
  EXPECT_EQ(read_partition(folder / "p.json", 300, 5), partition);
  const PartitionOptions options{.scheme = Scheme::file, .file = folder / "p.json"};
  EXPECT_EQ(make_partition(all, kClasses, 5, options, 99), partition);
}

TEST(PartitionFile, SaysWhatIsWrongAndWhere) {
  const test::TemporaryFolder folder;
  const auto error = [&](const std::string& text) {
    test::write(folder / "p.json", text);
    return test::error_of([&] { read_partition(folder / "p.json", 10, 2); });
  };
  const auto clients = [&](const std::string& lists) {
    return error("{\"version\": 1, \"examples\": 10, \"clients\": " + lists + "}");
  };
  EXPECT_EQ(clients("[[1, 2], [0]]"), "no error");
  EXPECT_THAT(error("[["), HasSubstr("p.json: expected JSON, got"));
  EXPECT_THAT(error("[]"), HasSubstr("expected a JSON object, got array"));
  EXPECT_THAT(error("{\"examples\": 10}"), HasSubstr("expected \"version\": 1, got no such key"));
  EXPECT_THAT(error("{\"version\": 2}"), HasSubstr("expected \"version\": 1, got 2"));
  EXPECT_THAT(error("{\"version\": 1, \"examples\": 11}"), HasSubstr("expected \"examples\": 10, got 11"));
  EXPECT_THAT(error("{\"version\": 1, \"examples\": 10}"), HasSubstr("expected \"clients\""));
  EXPECT_THAT(clients("[[1]]"), HasSubstr("expected 2 clients, got 1"));
  EXPECT_THAT(clients("[[1], 2]"), HasSubstr("client 1: expected a list of indices, got 2"));
  EXPECT_THAT(clients("[[1], []]"), HasSubstr("client 1: expected a list of indices, got an empty one"));
  EXPECT_THAT(clients("[[1, 10], [2]]"), HasSubstr("client 0, position 1: expected an index from 0 to 9, got 10"));
  EXPECT_THAT(clients("[[1, -1], [2]]"), HasSubstr("got -1"));
  EXPECT_THAT(clients("[[1, 18446744073709551615], [2]]"), HasSubstr("got 18446744073709551615"));
  EXPECT_THAT(clients("[[1, 2.0], [3]]"), HasSubstr("got 2.0"));
  EXPECT_THAT(clients("[[1, \"2\"], [3]]"), HasSubstr("got \"2\""));
  EXPECT_THAT(clients("[[1, 2], [3, 2]]"),
              HasSubstr("client 1, position 1: expected an index not dealt before, got 2 again"));
  EXPECT_THAT(test::error_of([&] { read_partition(folder / "absent", 10, 2); }), HasSubstr("absent: expected a file"));
}

TEST(PartitionFile, SurvivesDamage) {
  const test::TemporaryFolder folder;
  write_partition(folder / "p.json", {{0, 1, 2, 5}, {3, 4, 8}}, 10);
  const std::string text = read_file(folder / "p.json");
  EXPECT_GE(test::count_refused(folder / "p.json", text, [&] { read_partition(folder / "p.json", 10, 2); }), 80);
}

}  // namespace
}  // namespace archleak::data
