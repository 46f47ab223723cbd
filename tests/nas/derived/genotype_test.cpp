#include "nas/genotype.h"

#include <gmock/gmock.h>

#include <cmath>
#include <cstring>
#include <nlohmann/json.hpp>
#include <set>

#include "core/error.h"
#include "core/file.h"
#include "tests/support/paths.h"

namespace archleak::nas {
namespace {

using Rows = std::vector<std::vector<double>>;

Rows uniform_rows(int64_t steps) {
  return Rows(searched_edges(steps), std::vector<double>(8, 0.125));
}

template <typename Exception, typename Call>
std::string error_of(Call&& call) {
  try {
    call();
  } catch (const Exception& error) {
    return error.what();
  }
  return "no error";
}

std::string json_error(const std::string& text) {
  return error_of<DataError>([&] { genotype_from_json(text, "cell.json"); });
}

/// DARTS_V2 as JSON with `from` replaced by `to`.
std::string altered(const std::string& from, const std::string& to) {
  std::string text = to_json(named_genotype("DARTS_V2"));
  return text.replace(text.find(from), from.size(), to);
}

TEST(Genotype, DerivesFromTheGoldenAlphasWhatTheReferenceDerives) {
  const auto folder = test::golden("darts_supernet_c4_l4");
  if (!folder) GTEST_SKIP() << "no golden values beside the checkout";
  const auto index = nlohmann::json::parse(read_file(*folder / "index.json"));
  const std::string values = read_file(*folder / "values.f32");
  const auto probabilities = [&](const std::string& name) {
    const auto& entry = index["tensors"][name];
    Rows rows(entry["shape"][0], std::vector<double>(entry["shape"][1].get<size_t>()));
    size_t at = entry["offset"].get<size_t>() * sizeof(float);
    for (auto& row : rows) {
      double sum = 0;
      for (double& value : row) {
        float alpha;
        std::memcpy(&alpha, values.data() + at, sizeof alpha);
        at += sizeof alpha;
        sum += value = std::exp(alpha);
      }
      for (double& value : row) value /= sum;
    }
    return rows;
  };
  const Genotype derived = derive(probabilities("alpha/normal"), probabilities("alpha/reduce"), 4, 4);
  EXPECT_EQ(derived, genotype_from_json(index["genotype"].dump(), "golden"));
}

TEST(Genotype, KeepsTheTwoStrongestEdgesStrongestFirst) {
  Rows normal = uniform_rows(2);
  normal[0] = {0.9, 0.01, 0.01, 0.01, 0.04, 0.01, 0.01, 0.01};  // "none" does not count
  normal[1] = {0.1, 0.1, 0.1, 0.1, 0.1, 0.3, 0.1, 0.1};
  normal[2] = {0, 0, 0, 0.5, 0.5, 0, 0, 0};
  normal[3] = {0, 0, 0, 0, 0, 0, 0, 1};
  normal[4] = {0, 0, 0, 0.6, 0, 0, 0, 0.4};
  const Genotype genotype = derive(normal, uniform_rows(2), 2, 1);
  EXPECT_EQ(genotype.normal, (std::vector<Genotype::Edge>{
                                 {"sep_conv_5x5", 1}, {"sep_conv_3x3", 0}, {"dil_conv_5x5", 1}, {"skip_connect", 2}}));
  EXPECT_THAT(genotype.normal_concat, testing::ElementsAre(3));
}

TEST(Genotype, BreaksTiesByTheLowerIndex) {
  const Genotype genotype = derive(uniform_rows(3), uniform_rows(3), 3, 3);
  for (size_t i = 0; i < genotype.reduce.size(); ++i) {
    EXPECT_EQ(genotype.reduce[i], (Genotype::Edge{"max_pool_3x3", static_cast<int64_t>(i % 2)}));
  }
}

TEST(Genotype, RefusesProbabilitiesThatFormNoCell) {
  Rows rows = uniform_rows(4);
  EXPECT_THAT(error_of<DataError>([&] { derive(rows, uniform_rows(3), 4, 4); }),
              testing::HasSubstr("reduction cell: expected 14 edges for 4 steps, got 9"));
  EXPECT_THROW(derive(rows, rows, 4, 5), DataError);
  EXPECT_THROW(derive(rows, rows, 4, 0), DataError);
  EXPECT_THROW(derive({}, {}, 0, 0), DataError);
  EXPECT_THROW(derive({}, {}, int64_t{1} << 40, 4), DataError);
  rows[5].pop_back();
  EXPECT_THAT(error_of<DataError>([&] { derive(rows, rows, 4, 4); }),
              testing::HasSubstr("normal cell, edge 5: expected 8 finite numbers"));
  rows[5].push_back(std::nan(""));
  EXPECT_THROW(derive(rows, rows, 4, 4), DataError);
}

TEST(Genotype, SurvivesJson) {
  for (const auto& name : genotype_names()) {
    const Genotype genotype = named_genotype(name);
    EXPECT_EQ(genotype_from_json(to_json(genotype), name), genotype);
    EXPECT_NO_THROW(validate(genotype, name));
  }
}

TEST(Genotype, IsNamedInJsonAsInDarts) {
  const Genotype genotype{
      {{"skip_connect", 0}, {"sep_conv_3x3", 1}}, {2}, {{"max_pool_3x3", 1}, {"max_pool_3x3", 0}}, {2}};
  EXPECT_EQ(nlohmann::json::parse(to_json(genotype)),
            nlohmann::json::parse(R"({"normal": [["skip_connect", 0], ["sep_conv_3x3", 1]], "normal_concat": [2],
                                      "reduce": [["max_pool_3x3", 1], ["max_pool_3x3", 0]], "reduce_concat": [2]})"));
  EXPECT_EQ(to_python(genotype),
            "Genotype(normal=[('skip_connect', 0), ('sep_conv_3x3', 1)], normal_concat=[2], "
            "reduce=[('max_pool_3x3', 1), ('max_pool_3x3', 0)], reduce_concat=[2])");
}

TEST(Genotype, SaysWhatIsWrongWithAFile) {
  EXPECT_THAT(json_error(altered("sep_conv_3x3", "sep_conv_7x7")),
              testing::AllOf(testing::StartsWith("cell.json: normal[0]: expected one of max_pool_3x3, "),
                             testing::HasSubstr("got 'sep_conv_7x7'; the nearest is 'sep_conv_")));
  EXPECT_THAT(json_error(altered("sep_conv_3x3", "none")), testing::HasSubstr("got 'none'"));
  EXPECT_EQ(json_error(altered("\"sep_conv_3x3\", 1", "\"sep_conv_3x3\", 2")),
            "cell.json: normal[1]: expected a state from 0 to 1, got 2");
  EXPECT_EQ(json_error(altered("\"sep_conv_3x3\", 1", "\"sep_conv_3x3\", -1")),
            "cell.json: normal[1]: expected a state from 0 to 1, got -1");
  EXPECT_EQ(json_error(altered("[\"sep_conv_3x3\", 1], ", "")),
            "cell.json: normal: expected two edges for each of 1 to 32 nodes, got 7 edges");
  EXPECT_EQ(json_error(altered("\"normal_concat\": [2, 3, 4, 5]", "\"normal_concat\": [2, 3, 4, 6]")),
            "cell.json: normal_concat: expected states from 2 to 5, got 6");
  EXPECT_EQ(json_error(altered("\"reduce_concat\": [2, 3, 4, 5]", "\"reduce_concat\": []")),
            "cell.json: reduce_concat: expected at least one state, got none");
  EXPECT_EQ(json_error(altered("\"reduce_concat\": [2, 3, 4, 5]", "\"reduce_concat\": [2, 2]")),
            "cell.json: reduce_concat: expected distinct states, got [2, 2]");
  EXPECT_EQ(json_error(altered("\"reduce_concat\": [2, 3, 4, 5]", "\"reduce_concat\": [2.5]")),
            "cell.json: reduce_concat[0]: expected a state, got 2.5");
  EXPECT_EQ(json_error(altered("[\"sep_conv_3x3\", 0]", "[\"sep_conv_3x3\"]")),
            "cell.json: normal[0]: expected [operation, state], got [\"sep_conv_3x3\"]");
  EXPECT_THAT(json_error(altered("reduce_concat", "reduced_concat")),
              testing::HasSubstr("the nearest is 'reduce_concat'"));
  EXPECT_EQ(json_error("{}"), "cell.json: expected the key 'normal', got none");
  EXPECT_EQ(json_error("[1]"), "cell.json: expected an object, got [1]");
}

TEST(Genotype, RefusesDamagedFilesWithoutCrashing) {
  const std::string text = to_json(named_genotype("PDARTS"));
  for (size_t size = 0; size + 2 < text.size(); ++size)
    EXPECT_THROW(genotype_from_json(text.substr(0, size), "cut"), DataError);
  EXPECT_THROW(genotype_from_json(std::string(500000, '['), "deep"), DataError);
  EXPECT_THROW(genotype_from_json(std::string((1 << 20) + 1, ' '), "large"), DataError);
  std::string many = "[\"skip_connect\", 0]";
  for (int i = 0; i < 20000; ++i) many += ", [\"skip_connect\", 0]";
  EXPECT_THAT(json_error(altered("[\"sep_conv_3x3\", 0]", many)), testing::HasSubstr("1 to 32 nodes"));
  RandomEngine engine = make_engine({.seed = 1, .purpose = "fuzz"});
  for (int trial = 0; trial < 2000; ++trial) {
    std::string damaged = text;
    for (int change = 0; change < 3; ++change) {
      damaged[uniform_index(static_cast<int64_t>(damaged.size()), engine)] =
          static_cast<char>(uniform_index(256, engine));
    }
    try {
      validate(genotype_from_json(damaged, "random"), "random");  // a change may be harmless
    } catch (const DataError&) {
    }
  }
}

TEST(Genotype, LoadsAFileOrAPublishedName) {
  const test::TemporaryFolder folder;
  const Genotype genotype = named_genotype("DARTS_V1");
  write_file_atomically(folder / "cell.json", to_json(genotype));
  EXPECT_EQ(load_genotype((folder / "cell.json").string()), genotype);
  EXPECT_EQ(load_genotype("DARTS_V1"), genotype);
  EXPECT_THAT(error_of<ConfigError>([] { load_genotype("DARTS_V3"); }),
              testing::HasSubstr("the nearest name is 'DARTS_V1'"));
  EXPECT_THROW(named_genotype("darts"), ConfigError);
  EXPECT_THROW(load_genotype(folder.path().string()), DataError);
}

TEST(Genotype, DrawsRandomCellsThatAreValidAndTheSameForTheSameSeed) {
  const auto draw = [](uint64_t seed) {
    RandomEngine engine = make_engine({.seed = seed, .purpose = "genotype"});
    return random_genotype(4, engine);
  };
  EXPECT_EQ(draw(1), draw(1));
  EXPECT_NE(draw(1), draw(2));
  std::set<std::string> operations;
  for (uint64_t seed = 0; seed < 50; ++seed) {
    const Genotype genotype = draw(seed);
    EXPECT_NO_THROW(validate(genotype, "random"));
    for (size_t i = 0; i < genotype.normal.size(); ++i) {
      operations.insert(genotype.normal[i].operation);
      if (i % 2) {
        EXPECT_NE(genotype.normal[i].from, genotype.normal[i - 1].from);
      }
    }
  }
  EXPECT_EQ(operations.size(), 7u);
}

}  // namespace
}  // namespace archleak::nas
