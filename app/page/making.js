// Cuepoint's page: saving moments and reports as files, and the dialogs that ask for a few words.
(() => {
  "use strict";
  const cuepoint = (window.cuepoint = window.cuepoint || {});
  const words = (key) => JSON.parse(document.querySelector(".top")?.dataset.words || "{}")[key] || "";
  const KEEP_MS = 60_000; // a browser may begin to save a little later

  // -- dialogs ----------------------------------------------------------------------------------------------------
  // Asks for a text (`value` is there already), or only tells something; resolves with the text, or null.
  cuepoint.prompt = ({ title, value = null, yes, long = false }) => new Promise((resolve) => {
    const dialog = document.createElement("dialog");
    dialog.className = "sure asks";
    const heading = document.createElement("p");
    heading.textContent = title;
    dialog.append(heading);
    const field = value === null ? null : document.createElement(long ? "textarea" : "input");
    if (field) {
      field.value = value;
      field.setAttribute("aria-label", title);
      field.addEventListener("keydown", (event) => {
        if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
        event.preventDefault();
        dialog.close("yes");
      });
      dialog.append(field);
    }
    const choices = document.createElement("div");
    for (const [label, answer] of field ? [[words("cancel_dialog"), ""], [yes, "yes"]] : [[words("close"), ""]]) {
      const choice = document.createElement("button");
      choice.textContent = label;
      choice.className = answer ? "go" : "plain";
      choice.addEventListener("click", () => dialog.close(answer));
      choices.append(choice);
    }
    dialog.append(choices);
    dialog.addEventListener("close", () => {
      dialog.remove();
      resolve(dialog.returnValue === "yes" ? field.value : null);
    });
    (document.querySelector(".gradio-container") || document.body).append(dialog);
    dialog.showModal();
    field?.focus();
    field?.select();
  });

  // -- saving: the file may first have to be cut, so the control shows that it works, and says what went wrong -------
  async function save(link) {
    if (link.classList.contains("working")) return;
    link.classList.add("working");
    link.setAttribute("aria-busy", "true");
    const title = link.title;
    link.title = words("save_busy");
    try {
      const reply = await fetch(link.href);
      if (!reply.ok) throw new Error((await reply.json().catch(() => ({}))).detail || reply.statusText);
      const named = /filename\*=UTF-8''([^;]+)/.exec(reply.headers.get("content-disposition") || "");
      const ready = document.createElement("a");
      ready.href = URL.createObjectURL(await reply.blob());
      ready.download = named ? decodeURIComponent(named[1]) : "cuepoint";
      ready.click();
      setTimeout(() => URL.revokeObjectURL(ready.href), KEEP_MS);
    } catch (problem) {
      cuepoint.prompt({ title: `${words("save_failed")} ${problem.message}` });
    } finally {
      link.classList.remove("working");
      link.removeAttribute("aria-busy");
      link.title = title;
    }
  }

  document.addEventListener("click", (event) => {
    const link = event.target.closest?.("a.save");
    if (!link || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    event.stopPropagation();
    save(link);
  }, true);

  // -- the chat history lies over the chat ---------------------------------------------------------------------------
  const showHistory = (on) => {
    document.body.classList.toggle("history-open", on);
    document.querySelector("#history-button")?.setAttribute("aria-expanded", String(on));
    if (on) document.querySelector("#history-search :is(input, textarea)")?.focus({ preventScroll: true });
  };
  cuepoint.toggleHistory = () => showHistory(!document.body.classList.contains("history-open"));
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && !document.querySelector("dialog[open]")) showHistory(false);
  });
  document.addEventListener("click", (event) => {
    if (event.target.closest?.("#new-chat, #question button")) showHistory(false);
  });
  document.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && event.target.closest?.("#question")) showHistory(false); // the answer shall be seen
  }, true);

  // A button of the history: deleting and renaming ask first, opening closes the list.
  cuepoint.actOnChat = async (button, go) => {
    const { act, value } = button.dataset;
    if (act === "open") {
      showHistory(false);
      go(act);
    } else if (act === "rename") {
      const title = await cuepoint.prompt({ title: words("rename_title"), value, yes: words("rename_yes") });
      if (title?.trim() && title.trim() !== value) go(act, { title });
    } else cuepoint.confirmed(button, () => go(act));
  };

  // -- another question in the place of one, another answer in the place of the last ----------------------------------
  async function edit(link) {
    const asked = link.closest(".asked").cloneNode(true);
    asked.querySelectorAll(".tool").forEach((tool) => tool.remove());
    asked.querySelectorAll("br").forEach((line) => line.replaceWith("\n"));
    const position = Number(link.getAttribute("href").split("=")[1]);
    const text = await cuepoint.prompt({
      title: words("edit_hint"), value: asked.textContent, yes: words("edit_send"), long: true,
    });
    if (text !== null) cuepoint.edit?.(position, text);
  }

  document.addEventListener("click", (event) => {
    const link = event.target.closest?.("#chatbot a.tool");
    if (!link) return;
    event.preventDefault();
    event.stopPropagation();
    if (link.classList.contains("tool-edit")) edit(link);
    else cuepoint.again?.();
  }, true);
})();
