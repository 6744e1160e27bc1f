import { describe, expect, test } from "bun:test";
import { diagnoseContainer } from "./diagnose.ts";
import type { ContainerFacts, Evidence } from "./evidence.ts";

/** A container that failed for no reason that anybody could tell. */
const facts: ContainerFacts = {
  name: "web",
  image: "docker.io/library/web:latest",
  state: "exited",
  exitCode: 1,
  error: "",
  isOomKilled: false,
  memoryPeak: null,
  endedBy: null,
  ranSeconds: 1,
  restarts: 0,
  restartPolicy: "no",
  isKept: true,
  isRootless: false,
  canLimit: true,
  argv: ["serve"],
  commandWords: 1,
  createCommand: ["run", "--name", "web", "web", "serve"],
  workdir: "/",
  user: { uid: 0, gid: 0, groups: [] },
  capabilities: ["CAP_CHOWN", "CAP_DAC_OVERRIDE"],
  isPrivileged: false,
  isReadOnly: false,
  noNewPrivileges: false,
  isSeccompOn: true,
  hasInit: false,
  hasStdin: false,
  hasTty: false,
  network: "bridge",
  stopSignal: "SIGTERM",
  stopSeconds: 10,
  timeoutSeconds: 0,
  memoryBytes: null,
  pidsLimit: 2048,
  filesLimit: null,
  shmBytes: 64 << 20,
  mounts: [],
  health: null,
};

const evidence = (change: Partial<ContainerFacts>, ...said: string[]): Evidence => ({
  container: { ...facts, ...change },
  error: null,
  said,
  command: null,
  programs: [],
  paths: [],
});

const idsOf = (change: Partial<ContainerFacts>, ...said: string[]) =>
  diagnoseContainer(evidence(change, ...said)).map(({ id }) => id);

describe("diagnoseContainer() knows nothing", () => {
  test.each<{ title: string; change: Partial<ContainerFacts>; said: string[] }>([
    { title: "of an end without a word", change: {}, said: [] },
    { title: "of words that no rule has", change: {}, said: ["Error: the flux is not aligned"] },
    { title: "wrong of an end with 0", change: { exitCode: 0 }, said: ["x: Permission denied"] },
    {
      title: "wrong of one that runs",
      change: { state: "running", exitCode: 0 },
      said: ["refused"],
    },
    { title: "of a capability that it has", change: {}, said: ["chown: Operation not permitted"] },
  ])("$title", ({ change, said }) => {
    expect(idsOf(change, ...said)).toEqual([]);
  });
});

describe("diagnoseContainer() finds", () => {
  test.each<{ id: string; change?: Partial<ContainerFacts>; said?: string }>([
    { id: "out-of-memory", change: { exitCode: 137, isOomKilled: true } },
    { id: "out-of-memory", change: { exitCode: 137, isOomKilled: true, memoryBytes: 1 << 24 } },
    { id: "killed-from-outside", change: { exitCode: 137 } },
    { id: "stop-ignored", change: { exitCode: 137, endedBy: "stop-by-force" } },
    { id: "stop-ignored", change: { exitCode: 137, endedBy: "stop-by-force", hasInit: true } },
    { id: "crashed", change: { exitCode: 139 } },
    { id: "bad-system-call", change: { exitCode: 159 } },
    { id: "name-unknown", said: "curl: (6) Could not resolve host: db" },
    { id: "name-unknown", said: "dial tcp: lookup db on 10.0.2.3:53: no such host" },
    { id: "name-unknown", said: "Error: getaddrinfo EAI_AGAIN db" },
    { id: "refused-localhost", said: "Error: connect ECONNREFUSED 127.0.0.1:5432" },
    {
      id: "refused",
      said: "connection to server at 10.0.0.3, port 5432 failed: Connection refused",
    },
    { id: "port-taken", said: "Error: listen EADDRINUSE: address already in use :::3000" },
    { id: "port-denied", said: "listen tcp :80: bind: permission denied" },
    {
      id: "port-denied",
      said: "nginx: [emerg] bind() to 0.0.0.0:80 failed (13: Permission denied)",
    },
    {
      id: "certificate-unknown",
      said: "curl: (60) SSL certificate problem: unable to get local issuer certificate",
    },
    { id: "certificate-time", said: "x509: certificate has expired or is not yet valid" },
    {
      id: "library-missing",
      said: "x: error while loading shared libraries: libssl.so.3: cannot open shared object file: No such file",
    },
    {
      id: "library-missing",
      said: "Error loading shared library libstdc++.so.6: No such file or directory (needed by /x)",
    },
    {
      id: "heap-full",
      said: "java.lang.OutOfMemoryError: Java heap space",
      change: { memoryBytes: 1 << 28 },
    },
    {
      id: "processes-limit",
      said: "java.lang.OutOfMemoryError: unable to create new native thread",
    },
    { id: "module-missing", said: "Error: Cannot find module 'express'" },
    { id: "module-missing", said: "ModuleNotFoundError: No module named 'flask'" },
    {
      id: "mysql-password",
      said: "[ERROR] [Entrypoint]: Database is uninitialized and password option is not specified",
    },
    { id: "variable-missing", said: "KeyError: 'DATABASE_URL'" },
    {
      id: "no-new-privileges",
      said: "sudo: effective uid is not 0, is /usr/bin/sudo on a file system with the 'nosuid' option set",
      change: { noNewPrivileges: true },
    },
    {
      id: "not-root",
      said: "this program must be run as root",
      change: { user: { uid: 9, gid: 9, groups: [] } },
    },
    { id: "capability", said: "ping: socket: Operation not permitted" },
    { id: "capability", said: "RTNETLINK answers: Operation not permitted" },
    { id: "memory-lock", said: "mlock failed: cannot allocate memory" },
    { id: "no-memory", said: "fork: Cannot allocate memory" },
    { id: "configuration", said: 'nginx: [emerg] unexpected "}" in /etc/nginx/nginx.conf:12' },
    { id: "bad-option", said: "serve: unrecognized option: --prot" },
  ])("$id in: $said", ({ id, change = {}, said }) => {
    const [found] = diagnoseContainer(evidence(change, ...(said === undefined ? [] : [said])));
    expect(found?.id).toBe(id);
    expect(found?.cause).not.toMatch(/\.$/);
    expect(found?.evidence.length).toBeGreaterThan(0);
    expect((found?.cures.length ?? 0) > 0 || found?.advice != null).toBe(true);
  });
});

test("diagnoseContainer() tells of restarts and health besides the cause", () => {
  const health = {
    status: "unhealthy",
    failures: 3,
    command: "probe",
    exitCode: 1,
    output: "no\n",
  };
  expect(
    idsOf({ restarts: 5, restartPolicy: "always" }, "connect ECONNREFUSED 127.0.0.1:1"),
  ).toEqual(["refused-localhost", "restart-loop"]);
  expect(idsOf({ state: "running", exitCode: 0, health })).toEqual(["unhealthy"]);
  expect(idsOf({ state: "running", exitCode: 0, health: { ...health, exitCode: 127 } })).toEqual([
    "health-command",
  ]);
});
