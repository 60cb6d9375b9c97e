#!/bin/bash
# A guest that boots a guest: QEMU with KVM, inside the machine, starts this machine's own kernel with an initramfs made
# here, which says hello and powers off.
set -euo pipefail
fail() {
  echo "FAIL: $*"
  exit 1
}
[ -w /dev/kvm ] || fail "there is no /dev/kvm in this machine"

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$work/root/bin"
cp "$(command -v busybox)" "$work/root/bin/busybox"
cat > "$work/root/init" << 'END'
#!/bin/busybox sh
/bin/busybox mkdir -p /proc
/bin/busybox mount -t proc proc /proc
echo "hello from $(/bin/busybox uname -r), $(/bin/busybox grep -c hypervisor /proc/cpuinfo) cpu"
/bin/busybox poweroff -f
END
chmod +x "$work/root/init"
(cd "$work/root" && find . | cpio --quiet -o -H newc) > "$work/initramfs"

timeout 240 qemu-system-x86_64 -accel kvm -cpu host -m 128M -nodefaults -no-user-config -display none -serial stdio \
  -no-reboot -kernel "/boot/vmlinuz-$(uname -r)" -initrd "$work/initramfs" -append 'console=ttyS0 quiet panic=-1' |
  tee "$work/console"
grep -q "hello from $(uname -r), 1 cpu" "$work/console" || fail "the inner guest did not say hello"
echo "ok: a guest ran in this guest, with KVM"
