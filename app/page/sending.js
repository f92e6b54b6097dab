// Cuepoint's page: sending files. Each goes to /uploads as it is; its token then goes to the server with an event.
(() => {
  "use strict";
  const RETRY_MS = 5000; // when the server takes no more uploads for the moment
  const TRIES = 24;
  const SUBTITLES = /\.(srt|vtt|ass|ssa)$/i;
  const wait = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

  function fill(words, values) {
    return words.replace(/\{(\w+)\}/g, (_, key) => values[key]);
  }

  // The answer to "would you take this?": nothing, or the sentence that says why not. A busy server is asked again.
  async function refusal(file) {
    const asked = new URLSearchParams({ name: file.name, length: file.size });
    for (let tries = 0; ; tries++) {
      const reply = await fetch(`uploads?${asked}`);
      if (reply.ok) return "";
      if (reply.status !== 429 || tries >= TRIES) return (await reply.json().catch(() => ({}))).detail || reply.statusText;
      await wait(RETRY_MS);
    }
  }

  function send(file, line, words) {
    return new Promise((resolve, reject) => {
      const request = new XMLHttpRequest();
      const failed = (key) => () => reject(new Error(fill(words[key], { name: file.name })));
      request.open("POST", `uploads?${new URLSearchParams({ name: file.name })}`);
      request.setRequestHeader("Content-Type", "application/octet-stream");
      request.upload.onprogress = (event) => line.show(event.lengthComputable ? event.loaded / event.total : 0);
      request.onerror = failed("upload_lost");
      request.onabort = failed("upload_stopped");
      request.onload = () => {
        const reply = JSON.parse(request.responseText || "{}");
        if (request.status === 201) resolve(reply.token);
        else reject(new Error(reply.detail || request.statusText));
      };
      line.stop.addEventListener("click", () => request.abort());
      request.send(file);
    });
  }

  // What is shown of one file while it is sent: a bar, its name, a button to stop.
  function progressLine(place, file, words) {
    const line = document.createElement("div");
    line.className = "sending";
    const bar = Object.assign(document.createElement("progress"), { max: 1, value: 0 });
    const label = document.createElement("span");
    const stop = Object.assign(document.createElement("button"), { type: "button", className: "icon act-cancel" });
    stop.title = fill(words.upload_stop, { name: file.name });
    stop.setAttribute("aria-label", stop.title);
    const show = (share) => {
      bar.value = share;
      bar.setAttribute("aria-label", file.name);
      label.textContent = fill(words.upload_sending, { name: file.name, share: Math.floor(100 * share) });
    };
    show(0);
    line.append(label, stop, bar);
    place.append(line);
    return { show, stop, remove: () => line.remove() };
  }

  function complain(place, sentence) {
    const notice = Object.assign(document.createElement("p"), { className: "notice bad", textContent: sentence });
    notice.setAttribute("role", "status");
    place.append(notice);
  }

  async function sendAll(files, field) {
    const part = field.closest("#upload, #find-picture");
    const place = part.querySelector(".sent");
    const words = JSON.parse(field.dataset.words);
    for (const notice of place.querySelectorAll(".notice")) notice.remove();
    let first = true;
    files.sort((one, other) => SUBTITLES.test(one.name) - SUBTITLES.test(other.name)); // after the videos they belong to
    for (const file of files) {
      let line;
      try {
        const reason = await refusal(file);
        if (reason) throw new Error(reason);
        line = progressLine(place, file, words);
        const token = await send(file, line, words);
        const detail = { token, first };
        part.querySelector('input[type="file"]').dispatchEvent(new CustomEvent("cuepoint-arrived", { bubbles: true, detail }));
        first = false;
      } catch (problem) {
        complain(place, problem instanceof TypeError ? fill(words.upload_lost, { name: file.name }) : problem.message);
      } finally {
        line?.remove();
      }
    }
  }

  let sending = Promise.resolve(); // one file after the other, also of two choices
  document.addEventListener("change", (event) => {
    const field = event.target.closest?.('#upload input[type="file"], #find-picture input[type="file"]');
    if (!field?.files.length) return;
    const files = [...field.files];
    field.value = ""; // the same file may be chosen again
    sending = sending.then(() => sendAll(files, field));
  });
})();
