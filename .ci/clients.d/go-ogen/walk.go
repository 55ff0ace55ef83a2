package main

import (
	"context"
	"crypto/rand"
	"fmt"
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

// is returns an answer of type T, and ends the walk if the call failed or its answer has another type, as a problem.
func is[T any](answered any, err error) T {
	if err != nil {
		panic(err)
	}
	wanted, ok := answered.(T)
	if !ok {
		panic(fmt.Sprintf("came %T %+v, wanted %T", answered, answered, wanted))
	}
	return wanted
}

// adminKey is sent with the calls that require one.
type adminKey string

func (key adminKey) AdminKey(context.Context, api.OperationName) (api.AdminKey, error) {
	return api.AdminKey{APIKey: string(key)}, nil
}

func (key adminKey) AdminBearer(context.Context, api.OperationName) (api.AdminBearer, error) {
	return api.AdminBearer{Token: string(key)}, nil
}

func main() {
	ctx := context.Background()
	client, err := api.NewClient(os.Getenv("BASE_URL"), adminKey(os.Getenv("ADMIN_API_KEY")))
	if err != nil {
		panic(err)
	}

	application := &api.ApplicationInput{Name: "Walk"}
	made := is[*api.ApplicationHeaders](client.CreateApplication(ctx, application, api.CreateApplicationParams{}))
	token := made.Response.Token
	inApplication := api.CreateChatParams{Token: token}
	unnamed := is[*api.ChatHeaders](client.CreateChat(ctx, api.OptChatInput{}, inApplication)).Response
	same([]any{int(unnamed.Number), unnamed.Name.Null}, []any{1, true})
	named := api.NewOptChatInput(api.ChatInput{Name: api.NewOptNilString("Order")})
	chat := is[*api.ChatHeaders](client.CreateChat(ctx, named, inApplication)).Response.Number

	inChat := api.CreateMessageParams{Token: token, ChatNumber: chat}
	once := inChat
	once.IdempotencyKey.SetTo(rand.Text())
	for range 2 {
		one := is[*api.MessageHeaders](client.CreateMessage(ctx, &api.MessageInput{Body: "Grüße & one"}, once))
		same(int(one.Response.Number), 1)
	}
	two := is[*api.MessageHeaders](client.CreateMessage(ctx, &api.MessageInput{Body: "two"}, inChat))
	same(int(two.Response.Number), 2)

	page := api.ListMessagesParams{Token: token, ChatNumber: chat}
	page.Limit.SetTo(1)
	first := is[*api.MessageListHeaders](client.ListMessages(ctx, page)).Response
	page.Cursor.SetTo(first.NextCursor.Value)
	last := is[*api.MessageListHeaders](client.ListMessages(ctx, page)).Response
	same([]string{first.Data[0].Body, last.Data[0].Body}, []string{"Grüße & one", "two"})
	same([]any{len(first.Data), len(last.Data), last.NextCursor.Null}, []any{1, 1, true})

	search := api.SearchMessagesParams{Token: token, ChatNumber: chat}
	search.Query.SetTo("grusse &")
	found := is[*api.SearchResultsHeaders](client.SearchMessages(ctx, search)).Response
	for end := time.Now().Add(searchLimit); found.Total == 0 && time.Now().Before(end); time.Sleep(250 * time.Millisecond) {
		found = is[*api.SearchResultsHeaders](client.SearchMessages(ctx, search)).Response
	}
	same(int(found.Total), 1)
	same([]any{int(found.Data[0].Number), found.Data[0].Highlight.Value}, []any{1, "<em>Grüße &amp;</em> one"})

	missing := api.GetMessageParams{Token: token, ChatNumber: chat, Number: 99}
	problem := is[*api.Error404Headers](client.GetMessage(ctx, missing)).Response
	same([]any{int(problem.Status), string(problem.Code)}, []any{404, "not_found"})

	message := api.DeleteMessageParams{Token: token, ChatNumber: chat, Number: 1}
	is[*api.DeleteMessageNoContent](client.DeleteMessage(ctx, message))
	is[*api.DeleteChatNoContent](client.DeleteChat(ctx, api.DeleteChatParams{Token: token, Number: chat}))
	is[*api.DeleteApplicationNoContent](client.DeleteApplication(ctx, api.DeleteApplicationParams{Token: token}))
}
