/** Builds of clients of BuildKit's protocol: each has a name that its calls have in common. */
import { CooperError } from "../../errors.ts";
import type { Message } from "./protobuf.ts";

/** A client that asks for progress of a build which was not begun waits this long. */
const waitMs = 20_000;
/** What was told is kept for who asks late, up to this. */
const maxKeptBytes = 32 << 20;

/** What came of a build. */
export interface JobResult {
  readonly imageId: string;
  readonly names: readonly string[];
  readonly manifestDigest: string | null;
}

/** One build, from its `Solve` until that is answered. */
export class Job {
  readonly ref: string;
  /** What `Control.Solve` asked for. */
  readonly request: Promise<Message>;
  readonly begin: (request: Message) => void;
  /** A name that was only asked about is forgotten again. */
  hasBegun = false;
  /** What the client's own part of the build came to: its `Return`. */
  readonly returned: Promise<string>;
  readonly finish: (reference: string) => void;
  readonly fail: (error: unknown) => void;
  /** By the names that `LLBBridge.Solve` gave to them. */
  readonly results = new Map<string, JobResult>();
  private readonly told: Buffer[] = [];
  private toldBytes = 0;
  private isOver = false;
  private readonly waiting = new Set<() => void>();

  constructor(ref: string) {
    this.ref = ref;
    const request = Promise.withResolvers<Message>();
    this.request = request.promise;
    this.begin = (message) => {
      this.hasBegun = true;
      request.resolve(message);
    };
    const returned = Promise.withResolvers<string>();
    this.returned = returned.promise;
    this.returned.catch(() => undefined); // told to who waits for it
    this.finish = returned.resolve;
    this.fail = returned.reject;
  }

  /** Keeps a message of progress; what is too much is lost, its beginning and end are not. */
  readonly tell = (message: Buffer): void => {
    this.toldBytes += message.length;
    if (this.toldBytes > maxKeptBytes) return;
    this.told.push(message);
    this.wake();
  };

  end(): void {
    this.isOver = true;
    this.wake();
  }

  private wake(): void {
    for (const wake of this.waiting) wake();
    this.waiting.clear();
  }

  /** All that is told, from the first on, until the build is over. */
  async *progress(signal: AbortSignal): AsyncGenerator<Buffer, void> {
    for (let at = 0; !signal.aborted; ) {
      const message = this.told[at];
      if (message !== undefined) {
        at++;
        yield message;
      } else if (this.isOver) return;
      else
        await new Promise<void>((resolve) => {
          this.waiting.add(resolve);
          signal.addEventListener("abort", () => resolve(), { once: true });
        });
    }
  }
}

/** The builds that go on. */
export class Jobs {
  private readonly jobs = new Map<string, Job>();

  /** The job of that name, made by whoever asks first. */
  of(ref: string): Job {
    const found = this.jobs.get(ref) ?? new Job(ref);
    this.jobs.set(ref, found);
    return found;
  }

  /** As of(), with what was asked. @throws CooperError when nobody asks in time */
  async begun(ref: string): Promise<{ job: Job; request: Message }> {
    const job = this.of(ref);
    const late = Bun.sleep(waitMs).then(() => {
      if (!job.hasBegun) this.remove(job);
      throw new CooperError("timeout", `no such job ${ref}`);
    });
    late.catch(() => undefined); // one of the two is told
    return { job, request: await Promise.race([job.request, late]) };
  }

  remove(job: Job): void {
    job.end();
    if (this.jobs.get(job.ref) === job) this.jobs.delete(job.ref);
  }
}
