/**
 * Project quotas: what a directory and all below it may take, where ext4 or xfs is mounted with `prjquota`
 * (quotactl(2), ioctl_fsgetxattr; xfs_quota(8), "Project Quotas").
 */
import { closeSync, constants, openSync } from "node:fs";
import { check, libc } from "./libc.ts";
import { randomBelow } from "./random.ts";

/** null: no limit. */
export interface QuotaLimits {
  readonly bytes: number | null;
  readonly inodes: number | null;
}

// linux/fs.h, for 64-bit machines: struct fsxattr
const getAttributes = 0x801c581fn;
const setAttributes = 0x401c5820n;
const attributeBytes = 28;
const inherit = 0x200; // FS_XFLAG_PROJINHERIT
const projectAt = 12;

// linux/dqblk_xfs.h: struct fs_disk_quota; QCMD(Q_XSETQLIM, PRJQUOTA)
const setLimits = (0x5804 << 8) | 2;
const limitBytes = 112;
const quotactlFd = 443n;

/**
 * Puts an empty directory under a quota of its own.
 *
 * @throws SystemCallError EPERM, or what says that the file system keeps none (ENOSYS, ESRCH, ENOTTY…)
 */
export function setProjectQuota(directory: string, limits: QuotaLimits): void {
  withDirectory(directory, (descriptor) => {
    const project = 0x4000_0000 + randomBelow(0x3fff_ffff);
    limit(descriptor, project, limits);
    const attributes = readAttributes(descriptor);
    attributes.writeUInt32LE(attributes.readUInt32LE(0) | inherit, 0);
    attributes.writeUInt32LE(project, projectAt);
    const { ioctl } = libc({ ioctl: { args: ["i32", "u64", "ptr"], returns: "i32" } });
    check(ioctl(descriptor, setAttributes, attributes), `project of ${directory}`);
  });
}

/** Forgets the limits of a directory that goes; one without is fine. */
export function clearProjectQuota(directory: string): void {
  withDirectory(directory, (descriptor) => {
    const project = readAttributes(descriptor).readUInt32LE(projectAt);
    if (project !== 0) limit(descriptor, project, { bytes: null, inodes: null });
  });
}

function withDirectory(directory: string, act: (descriptor: number) => void): void {
  const descriptor = openSync(directory, constants.O_RDONLY | constants.O_DIRECTORY);
  try {
    act(descriptor);
  } finally {
    closeSync(descriptor);
  }
}

function readAttributes(descriptor: number): Buffer {
  const { ioctl } = libc({ ioctl: { args: ["i32", "u64", "ptr"], returns: "i32" } });
  const attributes = Buffer.alloc(attributeBytes);
  check(ioctl(descriptor, getAttributes, attributes), "read a project");
  return attributes;
}

/** quotactl_fd(2), Linux 5.14: it needs no name of the device. */
function limit(descriptor: number, project: number, { bytes, inodes }: QuotaLimits): void {
  const { syscall } = libc({
    syscall: { args: ["i64", "i64", "i64", "i64", "ptr"], returns: "i64" },
  });
  const quota = Buffer.alloc(limitBytes);
  quota.writeInt8(1, 0); // FS_DQUOT_VERSION
  quota.writeInt8(2, 1); // FS_PROJ_QUOTA
  quota.writeUInt16LE(0b1010, 2); // FS_DQ_IHARD, FS_DQ_BHARD
  quota.writeUInt32LE(project, 4);
  quota.writeBigUInt64LE(BigInt(Math.ceil((bytes ?? 0) / 512)), 8);
  quota.writeBigUInt64LE(BigInt(inodes ?? 0), 24);
  const result = syscall(quotactlFd, BigInt(descriptor), BigInt(setLimits), BigInt(project), quota);
  check(result, "set a project's quota");
}
