// Questions that a person answers with yes or no.

let currentDialog = null;

// Resolves to whether the person confirms. A close event may arrive after the dialog is open again.
export function confirm(dialog) {
  const thisDialog = (currentDialog = {});
  dialog.returnValue = "";
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.addEventListener("close", function onClose() {
      if (dialog.open) return;
      dialog.removeEventListener("close", onClose);
      resolve(currentDialog === thisDialog && dialog.returnValue === "yes");
    });
  });
}

for (const button of document.querySelectorAll("dialog button[type=button]")) {
  button.addEventListener("click", () => button.closest("dialog").close(button.value));
}
