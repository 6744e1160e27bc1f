import { expect, test } from "bun:test";
import { startFailure } from "./monitor.ts";
import { runtimeMessage } from "./oci-runtime.ts";

test.each([
  {
    title: "runc's JSON",
    text: '{"level":"error","msg":"runc create failed: unable to start container process: exec: \\"/no\\": stat /no: no such file or directory","time":"x"}',
    message:
      'runc create failed: unable to start container process: exec: "/no": stat /no: no such file or directory',
  },
  {
    title: "crun's JSON",
    text: '{"msg": "executable file `foo` not found in $PATH: No such file or directory", "level": "error", "time": "x"}',
    message: "executable file `foo` not found in $PATH: No such file or directory",
  },
  {
    title: "newer crun's JSON",
    text: '{\n  "msg": "w",\n  "level": "warning"\n}\n{\n  "msg": "executable file `/no` not found: No such file or directory",\n  "level": "error"\n}\n',
    message: "executable file `/no` not found: No such file or directory",
  },
  {
    title: "warnings before an error",
    text: '{"level":"warning","msg":"w"}\n{"level":"error","msg":"e"}\n',
    message: "e",
  },
  { title: "plain text", text: "crun: cannot do that\n", message: "crun: cannot do that" },
  { title: "logfmt", text: 'time="x" level=error msg="a \\"b\\""', message: 'a "b"' },
  { title: "nothing", text: "", message: "" },
])("runtimeMessage() finds the error in $title", ({ text, message }) => {
  expect(runtimeMessage(text)).toBe(message);
});

test.each([
  {
    message:
      'runc create failed: unable to start container process: exec: "foo": executable file not found in $PATH',
    code: "command-not-found",
  },
  { message: 'exec: "/no": stat /no: no such file or directory', code: "command-not-found" },
  {
    message: "executable file `foo` not found in $PATH: No such file or directory",
    code: "command-not-found",
  },
  {
    message: "executable file `/no` not found: No such file or directory",
    code: "command-not-found",
  },
  {
    message: "the path `/etc` is not a regular file: Operation not permitted",
    code: "command-not-executable",
  },
  { message: 'exec: "/etc": permission denied', code: "command-not-executable" },
  { message: 'exec: "/etc": is a directory', code: "command-not-executable" },
  { message: "open executable: Permission denied", code: "command-not-executable" },
  { message: "open executable: Operation not permitted", code: "command-not-executable" },
  { message: "exec /x: exec format error", code: "command-not-executable" },
  { message: 'mounting "/nope": no such file or directory', code: "helper-failed" },
])("startFailure() tells $code from: $message", ({ message, code }) => {
  expect(startFailure("runc", message).code).toBe(code as never);
});
