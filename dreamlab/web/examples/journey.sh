api=http://127.0.0.1:5000

# Create a session.
session=$(curl -s $api/api/generate_session_id | grep -o '[0-9a-f-]\{36\}')

# Upload a photo. The answer comes at once. It is a generation, which has a URL of its own.
generation=$(curl -s -H 'Prefer: respond-async' -F image=@chair.jpg \
  $api/api/process_furniture_image/$session | grep -o '[0-9a-f-]\{36\}' | head -n 1)
url=$api/api/sessions/$session/generations/$generation

# Stream its events, to the last one.
curl -sN -H 'Accept: text/event-stream' $url

# Pick it up again: after a lost connection, or tomorrow.
state=$(curl -s $url)
echo "$state"

# Download the model.
curl -sO "$(echo "$state" | grep -o 'http[^"]*\.glb')"
