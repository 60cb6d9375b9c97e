#include "harness/blob/blob_store.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "harness/base/hash.hpp"
#include "harness/base/owner.hpp"
#include "harness/blob/linked_blob_store.hpp"
#include "harness/blob/local_blob_store.hpp"
#include "harness/blob/noted_put.hpp"
#include "harness/blob/s3_blob_store.hpp"
#include "harness/blob/s3_requests.hpp"
#include "tests/support/aws_server.hpp"

namespace nestbox {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr aws::Backoff k_quick = {.first = 1ms, .longest = 5ms, .attempts = 5};

Deadline soon() {
  return Deadline::after(2min);
}

/// A store and what it takes to run it.
class Fixture {
public:
  virtual ~Fixture() = default;
  virtual std::unique_ptr<BlobStore> open() = 0;
  /// Changes a bit of the blob behind the store's back.
  virtual void damage(const BlobId& id) = 0;
};

class LocalFixture final : public Fixture {
public:
  std::unique_ptr<BlobStore> open() override {
    return std::make_unique<LocalBlobStore>(m_folder.path() / "store");
  }
  void damage(const BlobId& id) override {
    const fs::path path = m_folder.path() / "store" / blob_path(id);
    std::string content = read_file(path);
    content[content.size() / 2] ^= 1;
    write_file_atomically(path, content);
  }

private:
  TemporaryDirectory m_folder;
};

class S3Fixture final : public Fixture {
public:
  std::unique_ptr<BlobStore> open() override {
    return std::make_unique<S3BlobStore>(S3Location{"bucket", "some prefix"}, m_server.variables(),
                                         k_quick);
  }
  void damage(const BlobId&) override { m_server.fault({{"action", "GET"}, {"kind", "corrupt"}}); }
  test::AwsServer& server() { return m_server; }

private:
  test::AwsServer m_server;
};

using MakeFixture = std::unique_ptr<Fixture> (*)();

/// What every store promises.
class BlobStoreContract : public testing::TestWithParam<MakeFixture> {
protected:
  BlobId write(const char* name, std::string_view content) {
    write_file_atomically(m_files.path() / name, content);
    return blob_id(m_files.path() / name);
  }
  fs::path file(const char* name) const { return m_files.path() / name; }

  TemporaryDirectory m_files;
  std::unique_ptr<Fixture> m_fixture = GetParam()();
  std::unique_ptr<BlobStore> m_store = m_fixture->open();
};

TEST_P(BlobStoreContract, GivesBackWhatWasPut) {
  const BlobId id = write("in", "some content");
  EXPECT_FALSE(m_store->has(id, soon(), {}));
  m_store->put(id, file("in"), soon(), {});
  m_store->put(id, file("in"), soon(), {});
  EXPECT_TRUE(m_store->has(id, soon(), {}));
  m_fixture->open()->get(id, file("out"), soon(), {});
  EXPECT_EQ(read_file(file("out")), "some content");
}

TEST_P(BlobStoreContract, TakesEmptyAndLargeFiles) {
  std::string large((16 << 20) * 2 + 12345, 'x');
  large[20 << 20] = 'y';
  for (const std::string& content : {std::string(), large}) {
    const BlobId id = write("in", content);
    m_store->put(id, file("in"), soon(), {});
    const fs::path out = file(content.empty() ? "small" : "large");
    m_store->get(id, out, soon(), {});
    EXPECT_EQ(blob_id(out), id);
  }
}

TEST_P(BlobStoreContract, SaysThatABlobIsAbsent) {
  const BlobId id = write("in", "never put");
  const auto got = catch_error([&] { m_store->get(id, file("out"), soon(), {}); });
  EXPECT_EQ(got.error().code, ErrorCode::not_found);
  EXPECT_FALSE(fs::exists(file("out")));
}

TEST_P(BlobStoreContract, RefusesAFileThatIsNotWhatItIsSaidToBe) {
  BlobId id = write("in", "some content");
  write("in", "other stuff!");
  EXPECT_EQ(catch_error([&] { m_store->put(id, file("in"), soon(), {}); }).error().code,
            ErrorCode::corrupt);
  EXPECT_FALSE(m_store->has(id, soon(), {}));
}

TEST_P(BlobStoreContract, NoticesABlobThatWasChanged) {
  const BlobId id = write("in", "some content");
  m_store->put(id, file("in"), soon(), {});
  m_fixture->damage(id);
  const auto got = catch_error([&] { m_store->get(id, file("out"), soon(), {}); });
  EXPECT_EQ(got.error().code, ErrorCode::corrupt);
  EXPECT_FALSE(fs::exists(file("out")));
}

TEST_P(BlobStoreContract, AbandonsNothingThatIsWhole) {
  const BlobId id = write("in", "some content");
  m_store->abandon(id, soon(), {});
  m_store->put(id, file("in"), soon(), {});
  m_store->abandon(id, soon(), {});
  EXPECT_TRUE(m_store->has(id, soon(), {}));
}

TEST_P(BlobStoreContract, RemovesBlobs) {
  const BlobId id = write("in", "some content");
  m_store->put(id, file("in"), soon(), {});
  m_store->remove(id, soon(), {});
  m_store->remove(id, soon(), {});
  EXPECT_FALSE(m_store->has(id, soon(), {}));
}

TEST_P(BlobStoreContract, KeepsRecordsByName) {
  EXPECT_EQ(m_store->record("layers/a", soon(), {}), std::nullopt);
  EXPECT_THAT(m_store->records("", soon(), {}), IsEmpty());
  m_store->put_record("layers/b", "2", soon(), {});
  m_store->put_record("layers/a", "1", soon(), {});
  m_store->put_record("layers/a", "<one> & \"two\"", soon(), {});
  m_store->put_record("other", "3", soon(), {});
  EXPECT_EQ(m_store->record("layers/a", soon(), {}), "<one> & \"two\"");
  EXPECT_THAT(m_store->records("layers/", soon(), {}), ElementsAre("layers/a", "layers/b"));
  m_store->remove_record("layers/a", soon(), {});
  m_store->remove_record("layers/a", soon(), {});
  EXPECT_THAT(m_store->records("", soon(), {}), ElementsAre("layers/b", "other"));
}

TEST_P(BlobStoreContract, RefusesNamesThatLeadElsewhere) {
  for (const char* name : {"", "../x", "a//b", "/a", "a/", ".hidden", "a b", "A"})
    EXPECT_EQ(catch_error([&] { m_store->put_record(name, "x", soon(), {}); }).error().code,
              ErrorCode::usage)
        << name;
  EXPECT_THROW(m_store->has({"../../etc/passwd", {}}, soon(), {}), Error);
}

TEST_P(BlobStoreContract, StopsWhenCancelled) {
  const BlobId id = write("in", "some content");
  m_store->put(id, file("in"), soon(), {});
  CancelSource source;
  source.cancel();
  EXPECT_EQ(
      catch_error([&] { m_store->get(id, file("out"), soon(), source.token()); }).error().code,
      ErrorCode::cancelled);
  EXPECT_FALSE(fs::exists(file("out")));
}

INSTANTIATE_TEST_SUITE_P(
    Stores, BlobStoreContract,
    testing::Values(
        +[]() -> std::unique_ptr<Fixture> { return std::make_unique<LocalFixture>(); },
        +[]() -> std::unique_ptr<Fixture> { return std::make_unique<S3Fixture>(); }),
    [](const auto& of) { return of.index == 0 ? "Local" : "S3"; });

class S3Test : public testing::Test {
protected:
  BlobId write(std::string_view content) {
    write_file_atomically(file(), content);
    return blob_id(file());
  }
  fs::path file() const { return m_files.path() / "in"; }
  fs::path out() const { return m_files.path() / "out"; }
  /// As one who is killed then.
  void begin_upload(const std::string& below) {
    HttpClient http;
    aws::CredentialSource credentials(m_server.variables(), http);
    aws::Client client(aws::service_of(m_server.variables(), "s3", "us-east-1"), credentials, http,
                       k_quick);
    client.send(s3::begin_upload("/bucket/some%20prefix/" + below), "testing", soon(), {});
  }

  TemporaryDirectory m_files;
  S3Fixture m_fixture;
  test::AwsServer& m_server = m_fixture.server();
  std::unique_ptr<BlobStore> m_store = m_fixture.open();
};

TEST_F(S3Test, LinksToABlobForAWhile) {
  const BlobId id = write("for everybody");
  m_store->put(id, file(), soon(), {});
  const std::string link = m_store->presigned_link(id, 1h, soon(), {});
  HttpClient http;
  EXPECT_EQ(http.send({.url = link}, soon()).body, "for everybody");
  EXPECT_EQ(http.send({.url = link + "0"}, soon()).status, 403);
  m_server.set("clock", 3601);
  EXPECT_EQ(http.send({.url = link}, soon()).status, 403);
}

TEST_F(S3Test, IsReadByLinksWithoutCredentials) {
  const BlobId id = write(std::string(1 << 20, 'x'));
  m_store->put(id, file(), soon(), {});
  const StoreLinks links{{{"layers/a", "text"}},
                         {{id.digest, m_store->presigned_link(id, 1h, soon(), {})}}};
  const fs::path list = m_files.path() / "links.json";
  write_file_atomically(list, to_json(links));
  const std::unique_ptr<BlobStore> linked = open_blob_store(list);
  EXPECT_TRUE(linked->has(id, soon(), {}));
  EXPECT_THAT(linked->records("layers/", soon(), {}), ElementsAre("layers/a"));
  EXPECT_EQ(linked->record("layers/a", soon(), {}), "text");
  EXPECT_EQ(linked->record("layers/b", soon(), {}), std::nullopt);
  m_server.fault({{"action", "GET"}, {"kind", "cut"}});
  m_server.fault({{"action", "GET"}, {"kind", "drop"}});
  linked->get(id, out(), soon(), {});
  EXPECT_EQ(blob_id(out()), id);
  fs::remove(out());

  const auto failure = [&](const BlobId& of) {
    const Error error = catch_error([&] { linked->get(of, out(), soon(), {}); }).error();
    EXPECT_FALSE(fs::exists(out()));
    return error;
  };
  m_server.fault({{"action", "GET"}, {"kind", "corrupt"}});
  EXPECT_EQ(failure(id).code, ErrorCode::corrupt);
  EXPECT_EQ(failure({id.digest, {id.size.count - 1}}).code, ErrorCode::corrupt);
  EXPECT_EQ(failure(write("another")).code, ErrorCode::not_found);
  EXPECT_EQ(catch_error([&] { linked->put(id, file(), soon(), {}); }).error().code,
            ErrorCode::unsupported);
  m_server.set("clock", 3601);
  EXPECT_THAT(failure(id).hint, HasSubstr("links end after a while"));
}

TEST(StoreLinks, AreOnlyWhatAStoreCouldHold) {
  const std::string digest(64, 'a');
  const StoreLinks links{{{"layers/a", "{}"}}, {{digest, "https://example.org/?a=b"}}};
  EXPECT_EQ(parse_store_links(to_json(links)).value(), links);
  const std::vector<std::string> foreign = {
      "[]",
      "{",
      R"({"version": 2, "records": {}, "blobs": {}})",
      R"({"version": 1, "records": {"../x": ""}, "blobs": {}})",
      R"({"version": 1, "records": {"x": 1}, "blobs": {}})",
      R"({"version": 1, "records": {}, "blobs": {"ab": "https://x"}})",
      R"({"version": 1, "records": {}, "blobs": {")" + digest + R"(": "file:///etc/shadow"}})"};
  for (const std::string& text : foreign)
    EXPECT_EQ(parse_store_links(text).error().code, ErrorCode::corrupt) << text;
}

TEST_F(S3Test, UploadsAndDownloadsThroughFaults) {
  const BlobId id = write(std::string((16 << 20) + 1, 'x'));
  m_server.fault({{"action", "PUT"}, {"kind", "throttle"}});
  m_server.fault({{"action", "PUT"}, {"kind", "drop"}});
  m_server.fault({{"action", "POST"}, {"kind", "drop_after"}});
  m_store->put(id, file(), soon(), {});
  m_server.fault({{"action", "GET"}, {"kind", "cut"}});
  m_server.fault({{"action", "GET"}, {"kind", "drop"}});
  m_store->get(id, out(), soon(), {});
  EXPECT_EQ(blob_id(out()), id);
  EXPECT_EQ(m_server.state().at("uploads"), 0);
}

TEST_F(S3Test, BeginsAnewWhenSomebodyEndsItsUpload) {
  const BlobId id = write(std::string((16 << 20) * 2 + 1, 'x'));
  m_server.fault({{"action", "PUT"}, {"kind", "none"}});
  m_server.fault({{"action", "PUT"}, {"kind", "error"}, {"status", 404}, {"code", "NoSuchUpload"}});
  m_store->put(id, file(), soon(), {});
  EXPECT_TRUE(m_store->has(id, soon(), {}));
  EXPECT_EQ(m_server.state().at("uploads"), 0);
}

TEST_F(S3Test, GivesUpWhenItsUploadsAreEndedAgainAndAgain) {
  const BlobId id = write(std::string((16 << 20) + 1, 'x'));
  m_server.fault({{"action", "PUT"},
                  {"kind", "error"},
                  {"status", 404},
                  {"code", "NoSuchUpload"},
                  {"times", 100}});
  const auto put = catch_error([&] { m_store->put(id, file(), soon(), {}); });
  EXPECT_THAT(put.error().message, HasSubstr("others end the upload again and again"));
}

TEST_F(S3Test, AbandonsEveryUploadOfABlobAndNoOther) {
  const BlobId id = write("some content");
  m_server.set("s3.page", 2);
  for (const char* suffix : {"", "", "", "0"})
    begin_upload(blob_path(id) + suffix);
  m_store->abandon(id, soon(), {});
  EXPECT_EQ(m_server.state().at("uploads"), 1);
}

class NotedPutTest : public S3Test {
protected:
  /// What a nestbox that was killed in the middle of a put has left.
  void leave(const BlobId& id, const std::string& store) {
    Owner dead = this_owner();
    ++dead.start_time;
    fs::create_directories(m_notes);
    write_file_atomically(m_notes / "put-left", to_string(dead) + "\n" + id.digest + "\n" + store);
  }
  bool has_notes() const { return fs::exists(m_notes) && !fs::is_empty(m_notes); }

  const fs::path m_notes = m_files.path() / "notes";
};

TEST_F(NotedPutTest, LeavesNoNoteOnceItIsDone) {
  const BlobId id = write("some content");
  {
    NotedPut put(*m_store, id, m_notes);
    EXPECT_TRUE(has_notes());
    // It is ours, who live.
    EXPECT_THAT(reap_puts(m_notes, false, soon(), {}), IsEmpty());
    m_store->put(id, file(), soon(), {});
    put.done();
  }
  EXPECT_FALSE(has_notes());
  EXPECT_TRUE(m_store->has(id, soon(), {}));
}

TEST_F(NotedPutTest, EndsWhatIsHalfDone) {
  const BlobId id = write("some content");
  {
    const NotedPut put(*m_store, id, m_notes);
    begin_upload(blob_path(id));
    EXPECT_EQ(m_server.state().at("uploads"), 1);
  }
  EXPECT_EQ(m_server.state().at("uploads"), 0);
  EXPECT_FALSE(has_notes());
}

TEST_F(NotedPutTest, LeavesItsNoteWhenWhatIsHalfDoneCannotBeEnded) {
  const BlobId id = write("some content");
  m_server.fault({{"action", "GET"}, {"kind", "error"}, {"status", 403}, {"code", "AccessDenied"}});
  { const NotedPut put(*m_store, id, m_notes); }
  EXPECT_TRUE(has_notes());
}

TEST_F(NotedPutTest, OfADeadProcessIsEndedInItsFolder) {
  const BlobId id = write("some content");
  const fs::path store = m_files.path() / "store";
  LocalBlobStore(store).put(id, file(), soon(), {});
  write_file_atomically(store / "staging" / "0123", "half");
  write_file_atomically(store / "staging" / "0123.lock", "");
  leave(id, store);
  const std::vector<UnfinishedPut> seen = reap_puts(m_notes, true, soon(), {});
  ASSERT_THAT(seen, testing::SizeIs(1));
  EXPECT_EQ(seen[0].blob, id.digest);
  EXPECT_EQ(seen[0].store, store);
  EXPECT_FALSE(fs::is_empty(store / "staging"));
  EXPECT_EQ(reap_puts(m_notes, false, soon(), {}).at(0).failed, "");
  EXPECT_TRUE(fs::is_empty(store / "staging"));
  EXPECT_FALSE(has_notes());
}

TEST_F(NotedPutTest, MakesNoFolderAnewThatIsGone) {
  leave(write("some content"), m_files.path() / "store");
  EXPECT_EQ(reap_puts(m_notes, false, soon(), {}).at(0).failed, "");
  EXPECT_FALSE(fs::exists(m_files.path() / "store"));
  EXPECT_FALSE(has_notes());
}

TEST_F(NotedPutTest, SaysWhatItCannotEnd) {
  leave(write("some content"), "no store at all://");
  EXPECT_THAT(reap_puts(m_notes, false, soon(), {}).at(0).failed, HasSubstr("names no store"));
  EXPECT_TRUE(has_notes());
}

TEST_F(S3Test, TakesACompletionForDoneWhoseReplyWasLost) {
  const BlobId id = write(std::string((16 << 20) + 1, 'x'));
  // The first POST begins the upload, the second completes it.
  m_server.fault({{"action", "POST"}, {"kind", "none"}});
  m_server.fault({{"action", "POST"}, {"kind", "drop_after"}});
  m_store->put(id, file(), soon(), {});
  EXPECT_EQ(m_server.state().at("uploads"), 0);
}

TEST_F(S3Test, DoesNotTakeAnErrorForACompletionBecauseItCameWithStatus200) {
  const BlobId id = write(std::string((16 << 20) + 1, 'x'));
  m_server.fault({{"action", "POST"}, {"kind", "none"}});
  m_server.fault(
      {{"action", "POST"}, {"kind", "error"}, {"status", 200}, {"code", "InternalError"}});
  m_store->put(id, file(), soon(), {});
  EXPECT_TRUE(m_store->has(id, soon(), {}));
}

TEST_F(S3Test, LeavesNoUploadOpenThatFailed) {
  const BlobId id = write(std::string((16 << 20) + 1, 'x'));
  m_server.fault({{"action", "PUT"},
                  {"kind", "error"},
                  {"status", 403},
                  {"code", "AccessDenied"},
                  {"message", "Access Denied"}});
  const auto put = catch_error([&] { m_store->put(id, file(), soon(), {}); });
  EXPECT_THAT(put.error().message, HasSubstr("the environment may not do that"));
  EXPECT_EQ(m_server.state().at("uploads"), 0);
}

TEST_F(S3Test, ListsPageByPage) {
  m_server.set("s3.page", 2);
  for (const char* name : {"a", "b", "c", "d", "e"})
    m_store->put_record(name, name, soon(), {});
  EXPECT_THAT(m_store->records("", soon(), {}), ElementsAre("a", "b", "c", "d", "e"));
}

TEST_F(S3Test, SaysThatThereIsNoSuchBucket) {
  S3BlobStore store({"absent", ""}, m_server.variables(), k_quick);
  EXPECT_EQ(catch_error([&] { store.put_record("a", "b", soon(), {}); }).error().message,
            "writing record 'a': The specified bucket does not exist (NoSuchBucket)");
}

TEST(S3Location, IsReadFromALink) {
  EXPECT_EQ(parse_s3_location("s3://bucket").value(), (S3Location{"bucket", ""}));
  EXPECT_EQ(parse_s3_location("s3://my.bucket/a/b/").value(), (S3Location{"my.bucket", "a/b"}));
  for (const char* text : {"", "s3://", "s3://B/x", "s3:///x", "http://bucket", "s3://-a-"})
    EXPECT_EQ(parse_s3_location(text).error().code, ErrorCode::usage) << text;
}

TEST(S3Requests, AreWhatTheReferenceSays) {
  EXPECT_EQ(s3::complete_upload("/b/k", "u 1", {"\"e1\"", "\"e2\""}),
            (aws::Request{.method = "POST",
                          .path = "/b/k",
                          .query = {{"uploadId", "u 1"}},
                          .headers = {{"Content-Type", "application/xml"}},
                          .body = "<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>"
                                  "&quot;e1&quot;</ETag></Part><Part><PartNumber>2</PartNumber>"
                                  "<ETag>&quot;e2&quot;</ETag></Part></CompleteMultipartUpload>"}));
  EXPECT_EQ(s3::get("/b/k", 16, 4).headers, (aws::Fields{{"Range", "bytes=16-19"}}));
  EXPECT_EQ(s3::part_size(1), 16U << 20);
  EXPECT_LE((5ULL << 40) / s3::part_size(5ULL << 40), 10'000U);
}

TEST(LocalBlobStore, SweepsWhatAKillLeftHalfWritten) {
  const TemporaryDirectory folder;
  LocalBlobStore first(folder.path());
  write_file_atomically(folder.path() / "staging" / "0123", "half");
  write_file_atomically(folder.path() / "staging" / "0123.lock", "");
  LocalBlobStore second(folder.path());
  EXPECT_TRUE(fs::is_empty(folder.path() / "staging"));
}

TEST(OpenBlobStore, TellsAFolderFromABucket) {
  const TemporaryDirectory folder;
  EXPECT_EQ(open_blob_store((folder.path() / "s").string())->description(),
            (folder.path() / "s").string());
  EXPECT_EQ(open_blob_store("s3://bucket/p")->description(), "s3://bucket/p");
  EXPECT_THROW(open_blob_store("ftp://x"), Error);
  EXPECT_THROW(open_blob_store(""), Error);
}

}  // namespace
}  // namespace nestbox
