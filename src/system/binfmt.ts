/** Programs for other processors: whether the kernel hands them to an emulator (binfmt_misc). */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { errnoName } from "../errors.ts";

/** What the kernel does with programs for an architecture. */
export type ForeignPrograms =
  /** An emulator that is open already, and so is there in every container. */
  | { readonly kind: "emulated"; readonly interpreter: string }
  /** An emulator that the kernel looks up in the container, where it is not. */
  | { readonly kind: "unfixed"; readonly interpreter: string }
  | { readonly kind: "none" }
  /** The registrations are not to be seen from here. */
  | { readonly kind: "unknown" };

const registrations = "/proc/sys/fs/binfmt_misc";

/** How an ELF file of each architecture begins: class, byte order, e_machine (elf.h). */
const machines: Readonly<
  Record<string, readonly [bits: 32 | 64, isBig: boolean, machine: number]>
> = {
  "386": [32, false, 3],
  amd64: [64, false, 62],
  arm: [32, false, 40],
  arm64: [64, false, 183],
  loong64: [64, false, 258],
  mips64le: [64, false, 8],
  ppc64le: [64, false, 21],
  riscv64: [64, false, 243],
  s390x: [64, true, 22],
};

/** Asks the kernel. @param architecture in Go's names */
export function foreignPrograms(architecture: string): ForeignPrograms {
  let names: string[];
  try {
    names = readdirSync(registrations);
  } catch (error) {
    if (errnoName(error) === "ENOENT") return { kind: "unknown" };
    throw error;
  }
  if (!names.includes("status")) return { kind: "unknown" }; // not mounted
  const texts = names
    .filter((name) => name !== "status" && name !== "register")
    .map((name) => readFileSync(join(registrations, name), "utf8"));
  const status = readFileSync(join(registrations, "status"), "utf8").trim();
  return status === "enabled" ? emulatorAmong(texts, architecture) : { kind: "none" };
}

/** Which of the registrations (as the kernel shows them) takes programs for an architecture. Pure. */
export function emulatorAmong(texts: readonly string[], architecture: string): ForeignPrograms {
  const header = elfHeader(architecture);
  if (header === undefined) return { kind: "unknown" };
  const found = texts.map(parseRegistration).filter((one) => one !== null && fits(one, header));
  const best = found.find((one) => one?.flags.includes("F")) ?? found[0];
  if (best === null || best === undefined) return { kind: "none" };
  const { interpreter } = best;
  return { kind: best.flags.includes("F") ? "emulated" : "unfixed", interpreter };
}

/** The first twenty bytes of a program, as far as registrations look at them. */
function elfHeader(architecture: string): Buffer | undefined {
  const machine = machines[architecture];
  if (machine === undefined) return undefined;
  const [bits, isBig, number] = machine;
  const header = Buffer.alloc(20);
  header.write("\x7fELF", "latin1");
  header[4] = bits === 64 ? 2 : 1;
  header[5] = isBig ? 2 : 1;
  header[6] = 1; // version
  const write = isBig ? header.writeUInt16BE : header.writeUInt16LE;
  write.call(header, 2, 16); // an executable
  write.call(header, number, 18);
  return header;
}

interface Registration {
  readonly interpreter: string;
  readonly flags: string;
  readonly offset: number;
  readonly magic: Buffer;
  readonly mask: Buffer | null;
}

/** Null for one that is switched off, or goes by the names of files. */
function parseRegistration(text: string): Registration | null {
  const field = (name: string) => new RegExp(`^${name} (.*)$`, "m").exec(text)?.[1];
  const magic = field("magic");
  if (!text.startsWith("enabled\n") || magic === undefined) return null;
  const mask = field("mask");
  return {
    interpreter: field("interpreter") ?? "",
    flags: /^flags: (.*)$/m.exec(text)?.[1] ?? "",
    offset: Number(field("offset") ?? 0),
    magic: Buffer.from(magic, "hex"),
    mask: mask === undefined ? null : Buffer.from(mask, "hex"),
  };
}

function fits({ offset, magic, mask }: Registration, header: Buffer): boolean {
  return magic.every((byte, index) => {
    const bits = mask?.[index] ?? 0xff;
    return (byte & bits) === ((header[offset + index] ?? 0) & bits);
  });
}
