import { expect, test } from "bun:test";
import type { ErrorFacts } from "../evidence.ts";
import { errorFinding } from "./errors.ts";

const facts: ErrorFacts = {
  code: "internal",
  message: "",
  causes: [],
  errno: null,
  words: ["run", "hello"],
  isRootless: true,
  user: "ann",
  processors: 2,
  store: { root: "/home/ann/store", run: "/run/user/1000/cooper" },
  similar: [],
  host: [],
};

test.each<{ title: string; change: Partial<ErrorFacts>; cure: string | undefined }>([
  {
    title: "quotes a host that a registry has named",
    change: { message: "nothing answers at a;touch$(x) (connection refused)" },
    cure: "curl -sSI 'https://a;touch$(x)/v2/'",
  },
  {
    title: "quotes a path",
    change: { message: "no such device: /dev/$(x)/y" },
    cure: "ls -l '/dev/$(x)'",
  },
  {
    title: "means the one of a similar name",
    change: { message: "no such container: wbe", words: ["rm", "-f", "wbe"], similar: ["web"] },
    cure: "cooper rm -f web",
  },
  {
    title: "names the store that was named",
    change: { message: "no such container: x", words: ["--root", "/a b", "rm", "x"] },
    cure: "cooper --root '/a b' ps --all",
  },
  {
    title: "gives the store back to its user",
    change: { message: "EACCES: permission denied, open '/home/ann/store/lock/x'" },
    cure: 'sudo chown -R "$(id -u):$(id -g)" /home/ann/store',
  },
  {
    title: "gives nothing of others away",
    change: { message: "EACCES: permission denied, open '/etc/shadow'" },
    cure: "ls -ld /etc/shadow",
  },
  {
    title: "frees space",
    change: { message: "ENOSPC: no space left on device, write", errno: "ENOSPC" },
    cure: "cooper system df",
  },
  {
    title: "cures of the host stand for errors of namespaces",
    change: {
      message: "cannot make a user namespace: Operation not permitted",
      host: [
        {
          id: "user-namespaces",
          cause: "forbidden",
          evidence: [],
          cures: ["sudo sysctl user.max_user_namespaces=15000"],
          advice: null,
        },
      ],
    },
    cure: "sudo sysctl user.max_user_namespaces=15000",
  },
  { title: "knows nothing of others", change: { message: "the flux is bent" }, cure: undefined },
])("errorFinding() $title", ({ change, cure }) => {
  expect(errorFinding({ ...facts, ...change })?.cures[0]).toBe(cure as string);
});
