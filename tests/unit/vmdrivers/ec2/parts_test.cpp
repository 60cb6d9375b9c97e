#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <thread>

#include "harness/base/error.hpp"
#include "harness/base/filesystem.hpp"
#include "harness/base/subprocess.hpp"
#include "harness/base/text.hpp"
#include "vmdrivers/ec2/allowance.hpp"
#include "vmdrivers/ec2/init_script.hpp"
#include "vmdrivers/ec2/requests.hpp"
#include "vmdrivers/ec2/settings.hpp"

namespace nestbox::ec2 {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::HasSubstr;

constexpr char k_all_settings[] = R"(image: ami-0123
user: ubuntu
ssh_port: 2222
sudo: false
region: eu-central-1
subnet: subnet-1
allowed_from: 192.0.2.0/24
private_address: true
spot: true
types:
  a.small: {cores: 1, ram: 2GiB}
  a.large: {cores: 4, ram: 8GiB}
max_machines: 3
max_cores: 6
max_ram: 12GiB
start_limit: 5m
time_to_live: 90m
disk: 20GiB
)";

TEST(Ec2Settings, AreReadWhole) {
  const Settings settings = parse_settings(k_all_settings, "ec2.yml");
  Settings expected;
  expected.image = "ami-0123";
  expected.user = "ubuntu";
  expected.ssh_port = 2222;
  expected.sudo = false;
  expected.region = "eu-central-1";
  expected.subnet = "subnet-1";
  expected.allowed_from = "192.0.2.0/24";
  expected.private_address = true;
  expected.spot = true;
  expected.types = {{"a.small", 1, gibibytes(2)}, {"a.large", 4, gibibytes(8)}};
  expected.max_machines = 3;
  expected.max_cores = 6;
  expected.max_memory = gibibytes(12);
  expected.start_limit = 5min;
  expected.time_to_live = 90min;
  expected.disk_gibibytes = 20;
  EXPECT_EQ(settings, expected);
}

TEST(Ec2Settings, HaveTypesToBeginWith) {
  EXPECT_EQ(fitting_types(parse_settings("{}", "f"), {1, mebibytes(512)}).front().name, "t3.small");
}

TEST(Ec2Settings, RefuseWhatTheyDoNotKnow) {
  for (const char* text : {"imagee: x", "types: {a: {cores: 1}}", "max_machines: 0",
                           "time_to_live: 10", "time_to_live: 10s", "max_ram: much"})
    EXPECT_THROW(parse_settings(text, "ec2.yml"), Error) << text;
}

TEST(Ec2Settings, ChooseTheTypesThatAreLargeEnough) {
  const Settings settings = parse_settings(k_all_settings, "ec2.yml");
  EXPECT_THAT(fitting_types(settings, {2, gibibytes(1)}), ElementsAre(settings.types[1]));
  EXPECT_EQ(fitting_types(settings, {1, gibibytes(2)}).size(), 2U);
  EXPECT_THROW(fitting_types(settings, {8, gibibytes(1)}), Error);
}

TEST(Ec2Settings, TakeNoTypesThatAreLargerThanAllowed) {
  const Settings settings = parse_settings(
      "{types: {huge: {cores: 8, ram: 1GiB}, vast: {cores: 1, ram: 64GiB}, fit: {cores: 2, ram: "
      "4GiB}}, max_cores: 4, max_ram: 32GiB, max_machines: 3}",
      "ec2.yml");
  EXPECT_THAT(fitting_types(settings, {1, gibibytes(1)}), ElementsAre(settings.types[2]));
  const Bounds its = bounds(settings);
  EXPECT_THAT(*its.sizes, ElementsAre(settings.types[2].size));
  EXPECT_EQ(its.machines, 3);
  EXPECT_EQ(its.cores, 4);
  EXPECT_EQ(its.memory, gibibytes(32));
  EXPECT_THAT(its.raised_by, HasSubstr("ec2.yml"));
}

TEST(Ec2Requests, AskForAnInstanceThatEndsItself) {
  Launch launch{.token = "t",
                .image = "ami-1",
                .type = "t3.small",
                .key_name = "k",
                .group = "sg-1",
                .subnet = "subnet-1",
                .user_data = "#!/bin/sh\n",
                .spot = true,
                .disk_gibibytes = 20,
                .tags = {{"nestbox", "1"}}};
  EXPECT_EQ(run_instance(launch),
            (aws::Request{
                .method = "POST",
                .headers = {{"Content-Type", "application/x-www-form-urlencoded; charset=utf-8"}},
                .body = "Action=RunInstances&Version=2016-11-15&ClientToken=t&ImageId=ami-1"
                        "&InstanceType=t3.small&MinCount=1&MaxCount=1&KeyName=k"
                        "&InstanceInitiatedShutdownBehavior=terminate&UserData=IyEvYmluL3NoCg%3D%3D"
                        "&MetadataOptions.HttpTokens=required&SecurityGroupId.1=sg-1"
                        "&SubnetId=subnet-1&InstanceMarketOptions.MarketType=spot"
                        "&InstanceMarketOptions.SpotOptions.SpotInstanceType=one-time"
                        "&InstanceMarketOptions.SpotOptions.InstanceInterruptionBehavior=terminate"
                        "&BlockDeviceMapping.1.DeviceName=%2Fdev%2Fxvda"
                        "&BlockDeviceMapping.1.Ebs.VolumeSize=20"
                        "&BlockDeviceMapping.1.Ebs.DeleteOnTermination=true"
                        "&TagSpecification.1.ResourceType=instance&TagSpecification.1.Tag.1.Key="
                        "nestbox&TagSpecification.1.Tag.1.Value=1"
                        "&TagSpecification.2.ResourceType=volume&TagSpecification.2.Tag.1.Key="
                        "nestbox&TagSpecification.2.Tag.1.Value=1"
                        "&TagSpecification.3.ResourceType=network-interface"
                        "&TagSpecification.3.Tag.1.Key=nestbox&TagSpecification.3.Tag.1.Value=1"
                        "&TagSpecification.4.ResourceType=spot-instances-request"
                        "&TagSpecification.4.Tag.1.Key=nestbox&TagSpecification.4.Tag.1.Value=1"}));
  launch.spot = false;
  EXPECT_THAT(run_instance(launch).body, testing::Not(HasSubstr("spot")));
}

TEST(Ec2Requests, LetInOnlySshAndTheirOwnKind) {
  EXPECT_EQ(let_in("sg-1", 22, "192.0.2.0/24").body,
            "Action=AuthorizeSecurityGroupIngress&Version=2016-11-15&GroupId=sg-1"
            "&IpPermissions.1.IpProtocol=tcp&IpPermissions.1.FromPort=22"
            "&IpPermissions.1.ToPort=22&IpPermissions.1.IpRanges.1.CidrIp=192.0.2.0%2F24"
            "&IpPermissions.2.IpProtocol=-1&IpPermissions.2.Groups.1.GroupId=sg-1");
}

TEST(Ec2Requests, FindOnlyWhatIsOursAndAlive) {
  EXPECT_EQ(describe_ours("page2").body,
            "Action=DescribeInstances&Version=2016-11-15&Filter.1.Name=tag%3Anestbox"
            "&Filter.1.Value.1=1&Filter.2.Name=instance-state-name&Filter.2.Value.1=pending"
            "&Filter.2.Value.2=running&Filter.2.Value.3=stopping&Filter.2.Value.4=stopped"
            "&MaxResults=1000&NextToken=page2");
}

TEST(Ec2Requests, RebootAMachineForItsImageOnlyWhenTold) {
  EXPECT_EQ(create_image("i-1", "n", false, {}).body,
            "Action=CreateImage&Version=2016-11-15&InstanceId=i-1&Name=n&NoReboot=true"
            "&TagSpecification.1.ResourceType=image&TagSpecification.2.ResourceType=snapshot");
  EXPECT_THAT(create_image("i-1", "n", true, {}).body, HasSubstr("&NoReboot=false"));
}

TEST(InitScript, EndsTheMachineAfterItsTimeToLive) {
  Settings settings;
  settings.time_to_live = 90min;
  EXPECT_TRUE(init_script(settings).starts_with("#!/bin/sh\nshutdown -P +90\n"));
  settings.windows = true;
  EXPECT_THAT(init_script(settings), HasSubstr("shutdown.exe /s /f /t 5400\n"));
}

TEST(InitScript, RunsAtEachBootOfLinux) {
  EXPECT_THAT(init_script({}),
              HasSubstr("again=/var/lib/cloud/scripts/per-boot/nestbox\n"
                        "[ \"$0\" = $again ] || install -D -m 755 \"$0\" $again\n"));
}

TEST(InitScript, LetsTheKeyIntoWindowsBeforeAnybodyCanKnock) {
  Settings settings;
  settings.windows = true;
  settings.ssh_port = 2222;
  const std::string script = init_script(settings);
  EXPECT_TRUE(script.starts_with("<powershell>\n"));
  EXPECT_TRUE(script.ends_with("</powershell>\n<persist>true</persist>\n"));
  EXPECT_THAT(script, HasSubstr("LocalPort = 2222 }"));
  std::size_t before = 0;
  for (const char* step :
       {"-Action Block @port", "Add-WindowsCapability", "-StartupType Manual", "Start-Service",
        "X-aws-ec2-metadata-token-ttl-seconds", "public-keys/0/openssh-key",
        R"('ssh\administrators_authorized_keys')", "Set-Content -Path $file -Value $key",
        "icacls.exe $file /inheritance:r /grant '*S-1-5-18:F' /grant '*S-1-5-32-544:F'",
        "-Action Allow @port", "Remove-NetFirewallRule -Name nestbox-wait"}) {
    const std::size_t place = script.find(step);
    EXPECT_NE(place, script.npos) << step;
    EXPECT_GT(place, before) << step;
    before = place;
  }
}

TEST(InitScript, HasTheUsersPartAfterOurs) {
  Settings settings = parse_settings("user_data: |\n  #!/bin/sh\n  echo {own}\n", "ec2.yml");
  EXPECT_EQ(settings.user_data, "#!/bin/sh\necho {own}\n");
  const std::string both = init_script(settings);
  EXPECT_TRUE(both.starts_with("Content-Type: multipart/mixed; boundary=\"nestbox-"));
  EXPECT_THAT(both, HasSubstr("\nMIME-Version: 1.0\n\n--nestbox-"));
  const std::size_t ours = both.find("\n\n#!/bin/sh\nshutdown -P +120\n");
  const std::size_t theirs = both.find("\n\n#!/bin/sh\necho {own}\n\n--nestbox-");
  ASSERT_NE(ours, both.npos);
  ASSERT_NE(theirs, both.npos);
  EXPECT_LT(ours, theirs);
  EXPECT_TRUE(both.ends_with("--\n"));

  settings = parse_settings("{windows: true, user_data: New-Item C:/own}", "ec2.yml");
  EXPECT_THAT(init_script(settings),
              HasSubstr("\nNew-Item C:/own\nRemove-NetFirewallRule -Name nestbox-wait\n"));
}

TEST(InitScript, KeepsTheUsersPartByTheByteInItsMessage) {
  // As cloud-init does, with the same library.
  constexpr const char* k_read = "import email, sys\n"
                                 "text = open(sys.argv[1], encoding='utf-8').read()\n"
                                 "part = email.message_from_string(text).get_payload()[1]\n"
                                 "sys.stdout.buffer.write(part.get_payload(decode=True))\n";
  const TemporaryDirectory directory;
  const fs::path file = directory.path() / "user-data";
  Settings settings;
  for (const std::string& text :
       {std::string("#!/bin/sh\necho own\n"), std::string("#!/bin/sh\necho 'für €5' # 日本\n"),
        "#cloud-config\n# " + std::string(500, '-') + "ü"}) {
    settings.user_data = text;
    const std::string both = init_script(settings);
    write_file_atomically(file, both);
    EXPECT_EQ(
        run_checked({.argv = {"python3", "-c", k_read, file.string()}}, Deadline::after(1min)),
        text);
    const std::size_t encoded = std::min(both.find("base64\n\n"), both.size());
    for (const std::string& line : split(both.substr(encoded), '\n'))
      EXPECT_LE(line.size(), 76U);
  }
}

TEST(InitScript, RefusesWhatNobodyWouldRun) {
  for (const std::string& text :
       {std::string("user_data: echo own"),
        std::string("{windows: true, user_data: '<powershell>echo</powershell>'}"),
        std::string("{windows: true, user_data: '<PowerShell>echo</PowerShell>'}"),
        "user_data: '#!" + std::string(k_user_data_limit.count - 100, 'x') + "'"})
    EXPECT_THROW(parse_settings(text, "ec2.yml"), Error) << text.substr(0, 100);
}

TEST(Ec2Settings, AreOthersForWindows) {
  const Settings windows = parse_settings("{image: ami-1, windows: true}", "ec2.yml");
  EXPECT_EQ(windows.user, "Administrator");
  EXPECT_EQ(windows.start_limit, 30min);
  const Settings own = parse_settings("{windows: true, user: ci, start_limit: 5m}", "ec2.yml");
  EXPECT_EQ(own.user, "ci");
  EXPECT_EQ(own.start_limit, 5min);
}

TEST(Ec2Replies, NameInstances) {
  const Page page = parse_instances(R"(<DescribeInstancesResponse xmlns="http://x">
<reservationSet><item><instancesSet><item><instanceId>i-1</instanceId>
<instanceState><code>48</code><name>terminated</name></instanceState>
<stateReason><code>c</code><message>Client.UserInitiatedShutdown</message></stateReason>
<instanceType>t3.small</instanceType><ipAddress>192.0.2.1</ipAddress>
<privateIpAddress>10.0.0.1</privateIpAddress>
<tagSet><item><key>nestbox</key><value>1</value></item></tagSet></item></instancesSet></item>
</reservationSet><nextToken>n</nextToken></DescribeInstancesResponse>)")
                        .value();
  EXPECT_EQ(page, (Page{{{"i-1",
                          "terminated",
                          "Client.UserInitiatedShutdown",
                          "t3.small",
                          "192.0.2.1",
                          "10.0.0.1",
                          {{"nestbox", "1"}}}},
                        "n"}));
}

TEST(Ec2Replies, AreRefusedWhenTheyAnswerAnotherQuestion) {
  for (const char* text : {"", "<a/>", "<DescribeImagesResponse/>", "<RunInstancesResponse/>"}) {
    EXPECT_EQ(parse_run(text).error().code, ErrorCode::corrupt) << text;
    EXPECT_EQ(parse_instances(text).error().code, ErrorCode::corrupt) << text;
    EXPECT_EQ(parse_group_id(text).error().code, ErrorCode::corrupt) << text;
  }
  EXPECT_TRUE(parse_images("<DescribeImagesResponse/>").value().empty());
}

TEST(Ec2Replies, NameTheSnapshotsOfImages) {
  const std::vector<Image> images =
      parse_images(R"(<DescribeImagesResponse><imagesSet><item><imageId>ami-1</imageId>
<imageState>available</imageState><blockDeviceMapping>
<item><ebs><snapshotId>snap-1</snapshotId></ebs></item><item><virtualName>ephemeral0</virtualName></item>
</blockDeviceMapping><tagSet><item><key>nestbox</key><value>1</value></item></tagSet></item>
</imagesSet></DescribeImagesResponse>)")
          .value();
  EXPECT_THAT(images, ElementsAre(Image{"ami-1", "available", {"snap-1"}, {{"nestbox", "1"}}}));
}

TEST(Ec2Replies, GiveTheLastPartOfAConsole) {
  EXPECT_EQ(parse_console("<GetConsoleOutputResponse><output>aGVs\nbG8=</output>"
                          "</GetConsoleOutputResponse>")
                .value(),
            "hello");
  EXPECT_EQ(parse_console("<GetConsoleOutputResponse/>").value(), "");
}

Settings allowing(int machines, int cores) {
  Settings settings;
  settings.max_machines = machines;
  settings.max_cores = cores;
  return settings;
}

TEST(Allowance, LetsNoMoreThroughThanAllowed) {
  const MachineSize size{2, gibibytes(1)};
  Allowance allowance(allowing(8, 4));
  std::optional<Allowance::Share> one = allowance.take(size, Deadline::never(), {});
  const Allowance::Share two = allowance.take(size, Deadline::never(), {});
  EXPECT_THROW(static_cast<void>(allowance.take(size, Deadline::after(1ms), {})), Error);
  std::thread waiter([&] { static_cast<void>(allowance.take(size, Deadline::never(), {})); });
  one.reset();
  waiter.join();
}

TEST(Allowance, StopsWaitingWhenCancelled) {
  const MachineSize size{2, gibibytes(1)};
  Allowance allowance(allowing(1, 4));
  const Allowance::Share one = allowance.take(size, Deadline::never(), {});
  CancelSource source;
  source.cancel();
  EXPECT_THROW(static_cast<void>(allowance.take(size, Deadline::never(), source.token())), Error);
}

}  // namespace
}  // namespace nestbox::ec2
