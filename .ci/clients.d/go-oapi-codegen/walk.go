package main

import (
	"context"
	"crypto/rand"
	"fmt"
	"net/http"
	"os"
	"reflect"
	"time"

	"walk/api"
)

const searchLimit = 30 * time.Second // search may lag by some seconds, on a busy machine by more

// same ends the walk if a value is not the expected one.
func same(came, wanted any) {
	if !reflect.DeepEqual(came, wanted) {
		panic(fmt.Sprintf("came %v, wanted %v", came, wanted))
	}
}

// answer returns the answer of a call, and ends the walk if there was none. A problem ends the walk later, since its
// JSON200 and JSON201, which are read below, are nil.
func answer[T any](answered T, err error) T {
	if err != nil {
		panic(err)
	}
	return answered
}

// set sets an optional parameter.
func set[T any](parameter **T, value T) { *parameter = &value }

func main() {
	ctx := context.Background()
	client, err := api.NewClientWithResponses(os.Getenv("BASE_URL"), api.WithRequestEditorFn(
		func(_ context.Context, request *http.Request) error {
			request.Header.Set("x-api-key", os.Getenv("ADMIN_API_KEY"))
			return nil
		}))
	if err != nil {
		panic(err)
	}

	made := answer(client.CreateApplicationWithResponse(ctx, nil, api.CreateApplicationJSONRequestBody{Name: "Walk"}))
	token := made.JSON201.Token
	unnamed := answer(client.CreateChatWithBodyWithResponse(ctx, token, nil, "application/json", http.NoBody)).JSON201
	same([]any{int(unnamed.Number), unnamed.Name == nil}, []any{1, true})
	named := api.CreateChatJSONRequestBody{}
	set(&named.Name, "Order")
	chat := answer(client.CreateChatWithResponse(ctx, token, nil, named)).JSON201.Number

	once := api.CreateMessageParams{}
	set(&once.IdempotencyKey, rand.Text())
	for range 2 {
		one := answer(client.CreateMessageWithResponse(ctx, token, chat, &once, api.CreateMessageJSONRequestBody{Body: "Grüße & one"}))
		same(int(one.JSON201.Number), 1)
	}
	two := answer(client.CreateMessageWithResponse(ctx, token, chat, nil, api.CreateMessageJSONRequestBody{Body: "two"}))
	same(int(two.JSON201.Number), 2)

	page := api.ListMessagesParams{}
	set(&page.Limit, 1)
	first := answer(client.ListMessagesWithResponse(ctx, token, chat, &page)).JSON200
	page.Cursor = first.NextCursor
	last := answer(client.ListMessagesWithResponse(ctx, token, chat, &page)).JSON200
	same([]string{first.Data[0].Body, last.Data[0].Body}, []string{"Grüße & one", "two"})
	same([]any{len(first.Data), len(last.Data), last.NextCursor == nil}, []any{1, 1, true})

	search := api.SearchMessagesParams{}
	set(&search.Query, "grusse &")
	found := answer(client.SearchMessagesWithResponse(ctx, token, chat, &search)).JSON200
	for end := time.Now().Add(searchLimit); found.Total == 0 && time.Now().Before(end); time.Sleep(250 * time.Millisecond) {
		found = answer(client.SearchMessagesWithResponse(ctx, token, chat, &search)).JSON200
	}
	same(int(found.Total), 1)
	same([]any{int(found.Data[0].Number), *found.Data[0].Highlight}, []any{1, "<em>Grüße &amp;</em> one"})

	missing := answer(client.GetMessageWithResponse(ctx, token, chat, 99, nil))
	same([]any{missing.StatusCode(), string(missing.ApplicationproblemJSON404.Code)}, []any{404, "not_found"})

	same(answer(client.DeleteMessageWithResponse(ctx, token, chat, 1, nil)).StatusCode(), 204)
	same(answer(client.DeleteChatWithResponse(ctx, token, chat, nil)).StatusCode(), 204)
	same(answer(client.DeleteApplicationWithResponse(ctx, token, nil)).StatusCode(), 204)
}
