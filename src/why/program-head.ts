/** What the first bytes of a program tell: a script's interpreter, or an ELF file's machine and loader. */

export interface ScriptHead {
  readonly kind: "script";
  /** Without a carriage return at its end. */
  readonly interpreter: string;
  readonly argument: string;
  readonly hasCarriageReturn: boolean;
}

export interface ElfHead {
  readonly kind: "elf";
  /** In Go's names. */
  readonly architecture: string;
  readonly loader: string | null;
}

export type ProgramHead = ScriptHead | ElfHead | { readonly kind: "text" | "empty" | "data" };

/** How many bytes of a file are enough. */
export const headBytes = 8192;

/** Reads the beginning of a file; execve(2), "Interpreter scripts", and elf(5). */
export function readHead(bytes: Buffer): ProgramHead {
  if (bytes.length === 0) return { kind: "empty" };
  if (bytes.subarray(0, 4).toString("latin1") === "\x7fELF") return elfHead(bytes);
  if (bytes[0] === 35 && bytes[1] === 33) return scriptHead(bytes);
  return { kind: bytes.subarray(0, 512).includes(0) ? "data" : "text" };
}

function scriptHead(bytes: Buffer): ScriptHead {
  const line = bytes.subarray(2, 256).toString("utf8").split("\n", 1)[0] ?? "";
  const hasCarriageReturn = line.endsWith("\r");
  const [, interpreter = "", argument = ""] = /^\s*(\S*)\s*(.*?)\s*$/.exec(line) ?? [];
  return { kind: "script", interpreter, argument, hasCarriageReturn };
}

/** e_machine of elf.h, with the class where one number has two. */
const machines: Readonly<Record<number, string>> = {
  3: "386",
  8: "mips",
  20: "ppc",
  21: "ppc64le",
  22: "s390x",
  40: "arm",
  62: "amd64",
  183: "arm64",
  243: "riscv64",
  258: "loong64",
};

const typeInterpreter = 3; // PT_INTERP

function elfHead(bytes: Buffer): ElfHead {
  const is64 = bytes[4] === 2;
  const isLittle = bytes[5] !== 2;
  const whole = (at: number, size: 2 | 4 | 8): number => {
    if (at < 0 || at + size > bytes.length) return 0;
    if (size === 8) return Number(isLittle ? bytes.readBigUInt64LE(at) : bytes.readBigUInt64BE(at));
    return isLittle ? bytes.readUIntLE(at, size) : bytes.readUIntBE(at, size);
  };
  const architecture = machines[whole(18, 2)] ?? "unknown";
  const table = whole(is64 ? 32 : 28, is64 ? 8 : 4);
  const entryBytes = whole(is64 ? 54 : 42, 2);
  const count = Math.min(whole(is64 ? 56 : 44, 2), 64);
  for (let index = 0; index < count; index++) {
    const at = table + index * entryBytes;
    if (whole(at, 4) !== typeInterpreter) continue;
    const start = whole(at + (is64 ? 8 : 4), is64 ? 8 : 4);
    const size = whole(at + (is64 ? 32 : 16), is64 ? 8 : 4);
    const text = bytes.subarray(start, start + Math.min(size, 256)).toString("latin1");
    return { kind: "elf", architecture, loader: text.split("\0", 1)[0] ?? "" };
  }
  return { kind: "elf", architecture, loader: null };
}
