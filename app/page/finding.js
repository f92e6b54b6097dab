// Cuepoint's page: moments that look like another, found in the first tab; what counts in a picture.
(() => {
  "use strict";
  const cuepoint = (window.cuepoint = window.cuepoint || {});

  document.addEventListener("click", (event) => {
    const link = event.target.closest?.("a.more-like");
    const match = link && /#like=([\w-]+),([\d.]+),([\d.]+)$/.exec(link.getAttribute("href"));
    if (!match) return;
    event.preventDefault();
    event.stopPropagation();
    document.querySelector('#tabs button[role="tab"]')?.click();
    document.querySelector("#tabs-area")?.scrollIntoView({ block: "nearest", behavior: "smooth" });
    cuepoint.moreLike?.({ id: match[1], start: Number(match[2]), end: Number(match[3]) });
  }, true);

  // -- which part of a picture fits: computed when it is asked for, shown in a dialog --------------------------------
  const words = (key) => JSON.parse(document.querySelector(".top")?.dataset.words || "{}")[key] || "";

  async function showWhere(link) {
    if (link.classList.contains("working")) return;
    link.classList.add("working");
    link.setAttribute("aria-busy", "true");
    try {
      const reply = await fetch(link.href);
      if (!reply.ok) throw new Error((await reply.json().catch(() => ({}))).detail || reply.statusText);
      showPicture(URL.createObjectURL(await reply.blob()), link.title);
    } catch (problem) {
      cuepoint.prompt({ title: `${words("where_failed")} ${problem.message}` });
    } finally {
      link.classList.remove("working");
      link.removeAttribute("aria-busy");
    }
  }

  function showPicture(address, title) {
    const dialog = document.createElement("dialog");
    dialog.className = "sure where-shown";
    const picture = Object.assign(document.createElement("img"), { src: address, alt: title });
    const explained = Object.assign(document.createElement("p"), { textContent: words("where_explained") });
    const close = Object.assign(document.createElement("button"), { textContent: words("close"), className: "plain" });
    const choices = document.createElement("div");
    close.addEventListener("click", () => dialog.close());
    choices.append(close);
    dialog.append(picture, explained, choices);
    dialog.addEventListener("close", () => {
      URL.revokeObjectURL(address);
      dialog.remove();
    });
    (document.querySelector(".gradio-container") || document.body).append(dialog);
    dialog.showModal();
  }

  document.addEventListener("click", (event) => {
    const link = event.target.closest?.("a.where");
    if (!link || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    event.stopPropagation();
    showWhere(link);
  }, true);
})();
