#include "tests/functional/bootable_disk.hpp"

#include "harness/base/hash.hpp"
#include "harness/env/build_namespace.hpp"
#include "harness/env/debian_image.hpp"
#include "harness/env/kernel_layer.hpp"

namespace nestbox {
namespace {

// $1 rootfs.tar. The partition is all of the disk behind its first MiB, in which GRUB lies.
constexpr const char* k_make_disk = R"(
mkdir tmp/root
tar --extract --numeric-owner --exclude='./dev/*' --directory tmp/root --file "$1"
echo '/dev/vda1 / ext4 rw 0 0' > tmp/root/etc/fstab
: > tmp/root/etc/machine-id
cat > tmp/root/etc/cloud/cloud.cfg.d/90_test.cfg << EOF
cloud_init_modules: [bootcmd]
cloud_config_modules: []
cloud_final_modules: []
EOF
units=tmp/root/etc/systemd/system
for unit in cloud-config.service cloud-final.service apt-daily.timer apt-daily-upgrade.timer dpkg-db-backup.timer \
  e2scrub_all.timer e2scrub_reap.service fstrim.timer systemd-tmpfiles-clean.timer systemd-timesyncd.service \
  getty@tty1.service serial-getty@ttyS0.service; do
  ln -sf /dev/null $units/$unit
done
mkdir -p $units/multi-user.target.wants
ln -sf /lib/systemd/system/systemd-networkd.service $units/multi-user.target.wants/

cat > tmp/root/grub.cfg << EOF
set root=(hd0,msdos1)
linux /vmlinuz root=/dev/vda1 ro quiet console=ttyS0 no_timer_check tsc=reliable
initrd /initrd.img
boot
EOF
chroot tmp/root grub-mkimage -O i386-pc -c /grub.cfg -p / -o /core.img biosdisk part_msdos ext2 linux

at() { dd of=disk.raw bs=1 seek="$1" conv=notrunc status=none; }
truncate -s 2G disk.raw
head -c 440 tmp/root/usr/lib/grub/i386-pc/boot.img | at 0
printf '\200\0\0\0\203\0\0\0\0\010\0\0\0\370\077\0' | at 446
printf '\125\252' | at 510
dd if=tmp/root/core.img of=disk.raw bs=512 seek=1 conv=notrunc status=none
rm tmp/root/core.img tmp/root/grub.cfg
mke2fs -q -F -t ext4 -d tmp/root -m 0 -E offset=1048576,lazy_itable_init=0,root_owner=0:0 disk.raw 2047M
fallocate --dig-holes disk.raw
)";

}  // namespace

Layer bootable_disk(const BuildContext& context) {
  const DebianImage debian{
      k_default_suite,
      Init::systemd,
      {"cloud-init", "grub-pc-bin", "initramfs-tools", "linux-image-cloud-amd64"}};
  const Layer rootfs = debian_rootfs_layer(context, debian);
  return context.cache.find_or_build({.key = Sha256()
                                                 .field("layer", "bootable disk")
                                                 .field("script", k_make_disk)
                                                 .field("rootfs", rootfs.content())
                                                 .hex(),
                                      .kind = "disk",
                                      .description = "bootable disk of the tests",
                                      .build =
                                          [&](const fs::path& staging) {
                                            run_in_build_namespace(
                                                staging, k_make_disk,
                                                {(rootfs.directory() / "rootfs.tar").string()},
                                                Deadline::after(std::chrono::minutes(30)), context);
                                            remove_build_tree(staging / "tmp");
                                          }},
                                     context.cancel);
}

}  // namespace nestbox
