// Shows the description with Swagger UI in place of the plain HTML, in the colours of the browser.
const dark = matchMedia("(prefers-color-scheme: dark)");
const showScheme = () => document.documentElement.classList.toggle("dark-mode", dark.matches);

// Swagger UI writes an example into each field of a form. Here a field stays empty until the reader
// fills it, and is not sent before.
const emptyForms = () => ({
  components: { ParameterIncludeEmpty: () => null },
  wrapComponents: {
    JsonSchemaForm: (Field, { React }) => (props) =>
      React.createElement(Field, {
        ...props,
        dispatchInitialValue: props.dispatchInitialValue && false,
      }),
  },
});

function show() {
  document.querySelector("#plain").hidden = true;
  document.querySelector("#viewer").hidden = false;
}

async function start() {
  const address = document.querySelector("#description").href;
  const answer = await fetch(address);
  if (!answer.ok) return;
  const spec = await answer.json();
  // A reverse proxy may serve the API below a path.
  spec.servers = [{ url: new URL(".", address).href }];
  dark.addEventListener("change", showScheme);
  showScheme();
  window.SwaggerUIBundle({
    domNode: document.querySelector("#viewer"),
    spec,
    plugins: [emptyForms],
    onComplete: show,
  });
}

// Without this name the bundle has not come, and the plain HTML stays.
if (window.SwaggerUIBundle) start();
