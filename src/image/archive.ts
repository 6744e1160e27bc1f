/** An archive of images, opened: a tar file, or a directory of the same layout. */
import { closeSync, constants, fstatSync, readSync } from "node:fs";
import { CooperError } from "../errors.ts";
import { blockSize, TarReader } from "../layer/tar.ts";
import { findInRoot, openInRoot } from "../system/rooted.ts";

/** A member's bytes: part of an open file, which stays the archive's. */
export interface Member {
  readonly descriptor: number;
  readonly offset: number;
  readonly length: number;
}

/** Finds members by name; disposing closes what was opened. */
export interface Archive extends Disposable {
  /** How the user named it. */
  readonly name: string;
  readonly isDirectory: boolean;
  find(name: string): Member | undefined;
}

/** Nobody's archive has more members; each is remembered. */
const maxMembers = 100_000;

type Entry = { readonly offset: number; readonly length: number } | { readonly link: string };

/** The members of an uncompressed tar. Their contents are not read. The descriptor becomes the archive's. */
export function openTarArchive(descriptor: number, name: string): Archive {
  const members = indexTar(descriptor, name);
  return {
    name,
    isDirectory: false,
    find(member) {
      let found = members.get(clean(member));
      // docker save wrote layers that occur twice as links to the first
      for (let hops = 0; found !== undefined && "link" in found && hops < 8; hops++)
        found = members.get(found.link);
      return found === undefined || "link" in found ? undefined : { descriptor, ...found };
    },
    [Symbol.dispose]() {
      if (descriptor !== 0) closeSync(descriptor); // standard input is not ours to close
    },
  };
}

function indexTar(descriptor: number, name: string): Map<string, Entry> {
  const members = new Map<string, Entry>();
  let opened: { name: string; length: number } | undefined;
  const reader = new TarReader({
    entry(entry) {
      if (members.size >= maxMembers)
        throw new CooperError("hostile", `${name} has more than ${maxMembers} members`);
      const key = clean(entry.name);
      opened = undefined;
      if (members.has(key)) return; // as containers/image does, the first of a name counts
      if (entry.kind === "file" && entry.sparse === null)
        opened = { name: key, length: entry.size };
      if (entry.kind === "hardlink") members.set(key, { link: clean(entry.linkName) });
      if (entry.kind === "symlink")
        members.set(key, { link: clean(`${key}/../${entry.linkName}`) });
    },
    data: () => undefined,
    entryEnd() {
      if (opened?.length === 0) members.set(opened.name, { offset: 0, length: 0 });
    },
  });
  const size = fstatSync(descriptor).size;
  const buffer = Buffer.allocUnsafe(blockSize);
  // to the end of one block at a time: contents begin after one, and are then skipped as a whole
  for (let position = 0; position < size; position = reader.offset) {
    const count = readSync(descriptor, buffer, 0, blockSize - (position % blockSize), position);
    if (count === 0) break;
    reader.write(buffer.subarray(0, count));
    const { skippableBytes } = reader;
    if (skippableBytes === 0) continue;
    if (opened !== undefined)
      members.set(opened.name, { offset: reader.offset, length: opened.length });
    if (reader.offset + skippableBytes > size)
      throw new CooperError("corrupt", `${name} is cut off`);
    reader.skip(skippableBytes);
  }
  reader.finish();
  return members;
}

/** Without leading slashes and `./`, and with `..` resolved within. */
function clean(name: string): string {
  const parts: string[] = [];
  for (const part of name.split("/")) {
    if (part === "..") parts.pop();
    else if (part !== "" && part !== ".") parts.push(part);
  }
  return parts.join("/");
}

/** A directory in the layout of an archive. Links in it do not lead out, and nothing but files is read. */
export function openDirectoryArchive(directory: string): Archive {
  const opened = new Map<string, Member | undefined>();
  return {
    name: directory,
    isDirectory: true,
    find(member) {
      if (!opened.has(member)) opened.set(member, openMember(directory, member));
      return opened.get(member);
    },
    [Symbol.dispose]() {
      for (const member of opened.values()) if (member !== undefined) closeSync(member.descriptor);
      opened.clear();
    },
  };
}

function openMember(directory: string, member: string): Member | undefined {
  const there = findInRoot(directory, member);
  if (there === undefined) return undefined;
  const isFile = fstatSync(there).isFile();
  closeSync(there);
  if (!isFile) return undefined;
  const descriptor = openInRoot(directory, member, constants.O_RDONLY | constants.O_NONBLOCK);
  return { descriptor, offset: 0, length: fstatSync(descriptor).size };
}

/** All bytes of a small member. */
export function readMember(archive: Archive, name: string, maxBytes: number): Buffer | undefined {
  const member = archive.find(name);
  if (member === undefined) return undefined;
  if (member.length > maxBytes) {
    throw new CooperError(
      "hostile",
      `${name} in ${archive.name} is larger than ${maxBytes >> 20} MiB`,
    );
  }
  const buffer = Buffer.alloc(member.length);
  for (let size = 0; size < buffer.length; ) {
    const count = readSync(
      member.descriptor,
      buffer,
      size,
      buffer.length - size,
      member.offset + size,
    );
    if (count === 0) throw new CooperError("corrupt", `${archive.name} is cut off`);
    size += count;
  }
  return buffer;
}
