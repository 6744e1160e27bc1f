/**
 * Asks a names server for A records, many questions at a time, and compares each answer with what may be said
 * at that moment. Started within a container's network namespace: `asker.ts SERVER COUNT`. Each line of
 * stdin says what names may be answered from now on, and is acknowledged by a line on stdout; the last
 * line is the report.
 */

/** What a name may be answered; an empty text is "no such name", a star any address. */
export type Allowed = Readonly<Record<string, readonly string[]>>;

/** What came of all questions. */
export interface Report {
  readonly answers: number;
  /** What was said and may not have been: `name: said, allowed …`, the first hundred of them. */
  readonly wrong: readonly string[];
  readonly wrongCount: number;
  /** How often nobody listened, and those in flight were asked again. */
  readonly refusals: number;
  /** Asked again because a second went by without an answer. */
  readonly unanswered: number;
  /** Never answered, though asked five times. */
  readonly lost: number;
  readonly seconds: number;
}

interface Question {
  readonly name: string;
  readonly bytes: Buffer;
  readonly allowed: Set<string>;
  askedAt: number;
  tries: number;
}

const inFlightMost = 48;
const answerMs = 1000;
const againMs = 3;

/** A question for an A record (RFC 1035, 4.1). */
function question(id: number, name: string): Buffer {
  const labels = name
    .split(".")
    .map((label) => Buffer.from(`${String.fromCharCode(label.length)}${label}`));
  const head = Buffer.from([id >> 8, id & 255, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0]);
  return Buffer.concat([head, ...labels, Buffer.from([0, 0, 1, 0, 1])]);
}

/** The first address; empty where there is no such name, `code N` for any other failure. */
function answerOf(bytes: Buffer): string {
  const code = bytes.readUInt8(3) & 15;
  if (code === 3) return "";
  if (code !== 0) return `code ${code}`;
  let at = skipName(bytes, 12) + 4;
  for (let left = bytes.readUInt16BE(6); left > 0; left--) {
    at = skipName(bytes, at);
    const [type, length] = [bytes.readUInt16BE(at), bytes.readUInt16BE(at + 8)];
    if (type === 1) return bytes.subarray(at + 10, at + 10 + length).join(".");
    at += 10 + length;
  }
  return "";
}

function skipName(bytes: Buffer, start: number): number {
  for (let at = start; ; ) {
    const length = bytes.readUInt8(at);
    if (length >= 0xc0) return at + 2;
    if (length === 0) return at + 1;
    at += length + 1;
  }
}

async function ask(server: string, count: number): Promise<Report> {
  const allowed = new Map<string, readonly string[]>();
  const inFlight = new Map<number, Question>();
  const wrong: string[] = [];
  const begun = performance.now();
  let [answers, wrongCount, refusals, unanswered, lost, nextId, isWaiting] = [
    0,
    0,
    0,
    0,
    0,
    0,
    false,
  ];
  const { promise: isOver, resolve } = Promise.withResolvers<void>();

  const again = () => {
    isWaiting = false;
    for (const one of inFlight.values()) send(one);
  };
  const refused = () => {
    if (isWaiting) return;
    refusals++;
    isWaiting = true;
    setTimeout(again, againMs);
  };
  const socket = await Bun.udpSocket({
    connect: { hostname: server, port: 53 },
    socket: {
      data(_, bytes) {
        const id = bytes.readUInt16BE(0);
        const one = inFlight.get(id);
        if (one === undefined) return; // the answer to one that was asked again
        inFlight.delete(id);
        answers++;
        const said = answerOf(bytes);
        if (!one.allowed.has(said) && !(said.includes(".") && one.allowed.has("*"))) {
          wrongCount++;
          if (wrong.length < 100)
            wrong.push(`${one.name}: "${said}", and not ${JSON.stringify([...one.allowed])}`);
        }
        if (answers + lost >= count) return resolve();
        fill();
      },
      error: refused,
    },
  });
  function send(one: Question): void {
    one.askedAt = performance.now();
    try {
      if (!socket.send(one.bytes)) refused();
    } catch {
      refused();
    }
  }
  function fill(): void {
    if (isWaiting || allowed.size === 0) return;
    const names = [...allowed.keys()];
    while (inFlight.size < inFlightMost && !isWaiting) {
      do nextId = (nextId + 1) & 0xffff;
      while (inFlight.has(nextId));
      const name = names[Math.floor(Math.random() * names.length)] ?? "";
      const bytes = question(nextId, name);
      const one = { name, bytes, allowed: new Set(allowed.get(name)), askedAt: 0, tries: 1 };
      inFlight.set(nextId, one);
      send(one);
    }
  }
  const patience = setInterval(() => {
    for (const [id, one] of inFlight) {
      if (performance.now() - one.askedAt < answerMs) continue;
      unanswered++;
      if (++one.tries > 5) {
        inFlight.delete(id);
        lost++;
      } else send(one);
    }
    if (answers + lost >= count) resolve();
    fill();
  }, 100);
  const listen = async () => {
    for await (const line of console) {
      for (const [name, those] of Object.entries(JSON.parse(line) as Allowed)) {
        allowed.set(name, those);
        for (const one of inFlight.values())
          if (one.name === name) for (const each of those) one.allowed.add(each);
      }
      process.stdout.write("{}\n");
      fill();
    }
  };
  void listen();
  await isOver;
  clearInterval(patience);
  socket.close();
  const seconds = (performance.now() - begun) / 1000;
  return { answers, wrong, wrongCount, refusals, unanswered, lost, seconds };
}

if (import.meta.main) {
  const [server = "", count = "0"] = process.argv.slice(2);
  process.stdout.write(`${JSON.stringify(await ask(server, Number(count)))}\n`);
  process.exit(0);
}
