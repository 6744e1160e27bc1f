/**
 * What a cause is found from, and what is found: plain values. Who gathers them (probe-command.ts,
 * probe-path.ts, `container/evidence.ts`) decides nothing; the rules decide and look at nothing else.
 */

/** One cause, with what it rests on and what mends it. */
export interface Finding {
  /** The rule that found it: one word for programs. */
  readonly id: string;
  /** One sentence without a full stop. */
  readonly cause: string;
  /** What it rests on, a line each. */
  readonly evidence: readonly string[];
  /** Commands for a shell that mend it, one after the other. None where no command can. */
  readonly cures: readonly string[];
  /** In words, what a command cannot do, or what has to be filled in. */
  readonly advice: string | null;
}

/** What is known of something that failed. Parts that nobody could look at are null or empty. */
export interface Evidence {
  readonly container: ContainerFacts | null;
  readonly error: ErrorFacts | null;
  /** What was said last, the newest at the end: the log's end, or an error's text and causes. */
  readonly said: readonly string[];
  /** The program that was to be run, and what its image has of it. */
  readonly command: CommandFacts | null;
  /** Programs that the lines above say are missing. */
  readonly programs: readonly ProgramFacts[];
  /** Paths that the lines above name. */
  readonly paths: readonly PathFacts[];
}

/** A failure of a command of ours. */
export interface ErrorFacts {
  readonly code: string;
  readonly message: string;
  /** Messages of what caused it, the nearest first. */
  readonly causes: readonly string[];
  /** Of a failed system call. */
  readonly errno: string | null;
  /** The command line behind `cooper`. */
  readonly words: readonly string[];
  readonly isRootless: boolean;
  readonly user: string;
  readonly processors: number;
  readonly store: StoreFacts | null;
  /** Names of objects that resemble the one that is missing. */
  readonly similar: readonly string[];
  /** Host findings that may explain it, worst first. */
  readonly host: readonly Finding[];
}

/** Where the store is. */
export interface StoreFacts {
  readonly root: string;
  readonly run: string;
}

/** Who ended a container's process, where it did not end by itself. */
export type EndedBy = "stop" | "stop-by-force" | "kill" | "timeout" | null;

/** A container: what was asked of it and what became of it. */
export interface ContainerFacts {
  readonly name: string;
  readonly image: string;
  readonly state: string;
  readonly exitCode: number;
  /** Why it could not be started; empty when it could. */
  readonly error: string;
  readonly isOomKilled: boolean;
  /** Bytes of memory that it had at most, where it was killed for that; null: nobody knows. */
  readonly memoryPeak: number | null;
  readonly endedBy: EndedBy;
  readonly ranSeconds: number;
  readonly restarts: number;
  readonly restartPolicy: string;
  /** Whether it can be started or replaced: it still exists. */
  readonly isKept: boolean;
  readonly isRootless: boolean;
  /** Whether cgroup limits can be set on this host. */
  readonly canLimit: boolean;
  /** Entrypoint and arguments. */
  readonly argv: readonly string[];
  /** How many words of the command line come after the image. */
  readonly commandWords: number;
  readonly createCommand: readonly string[];
  readonly workdir: string;
  readonly user: UserFacts;
  readonly capabilities: readonly string[];
  readonly isPrivileged: boolean;
  readonly isReadOnly: boolean;
  readonly noNewPrivileges: boolean;
  readonly isSeccompOn: boolean;
  readonly hasInit: boolean;
  readonly hasStdin: boolean;
  readonly hasTty: boolean;
  readonly network: string;
  readonly stopSignal: string;
  readonly stopSeconds: number;
  readonly timeoutSeconds: number;
  readonly memoryBytes: number | null;
  readonly pidsLimit: number | null;
  readonly filesLimit: number | null;
  readonly shmBytes: number;
  readonly mounts: readonly MountFacts[];
  readonly health: HealthFacts | null;
}

/** Ids as the container has them. */
export interface UserFacts {
  readonly uid: number;
  readonly gid: number;
  readonly groups: readonly number[];
}

export interface MountFacts {
  readonly target: string;
  readonly kind: string;
  /** A path of the host, or a volume's name; empty for tmpfs and its kin. */
  readonly source: string;
  readonly readOnly: boolean;
  readonly options: readonly string[];
}

export interface HealthFacts {
  readonly status: string;
  readonly failures: number;
  readonly command: string;
  /** Of the last check. */
  readonly exitCode: number;
  readonly output: string;
}

/** A file with `#!` in its first line. */
export interface ScriptFacts {
  readonly interpreter: string;
  readonly hasCarriageReturn: boolean;
  readonly isThere: boolean;
  /** What `env` is asked to find; null without env. */
  readonly envProgram: string | null;
  readonly isEnvProgramThere: boolean;
}

/** A program for the processor. */
export interface ElfFacts {
  /** In Go's names; `unknown` for what has none. */
  readonly architecture: string;
  readonly isForHost: boolean;
  /** The dynamic loader; null for a static program. */
  readonly loader: string | null;
  readonly isLoaderThere: boolean;
}

/** What an image has of a program. */
export interface ProgramFacts {
  /** As it was typed. */
  readonly asked: string;
  /** Where it is in the container; null: nowhere that PATH leads to. */
  readonly path: string | null;
  /** Where programs of that name are besides. */
  readonly elsewhere: readonly string[];
  /** Names in PATH that are like it. */
  readonly similar: string | null;
}

export interface CommandFacts extends ProgramFacts {
  /** null: there is no such file. */
  readonly file: PathFacts | null;
  readonly isEmpty: boolean;
  readonly script: ScriptFacts | null;
  readonly elf: ElfFacts | null;
  /** Its first bytes are text. */
  readonly isText: boolean;
  /** A shell that the image has; null: none. */
  readonly shell: string | null;
}

/** A path within a container, as its process meets it. */
export interface PathFacts {
  readonly path: string;
  readonly kind: "missing" | "file" | "directory" | "other";
  readonly uid: number;
  readonly gid: number;
  readonly mode: number;
  /** The first directory on the way that does not exist. */
  readonly missing: string | null;
  /** The first directory on the way that the process may not pass, with its owner. */
  readonly denied: { readonly path: string; readonly uid: number; readonly mode: number } | null;
  readonly canRead: boolean;
  readonly canWrite: boolean;
  readonly canExecute: boolean;
  /** The mount that it is in; null: the container's own files. */
  readonly mount: MountFacts | null;
}
